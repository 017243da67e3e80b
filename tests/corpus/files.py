"""Every file of the corpus by its name: which family in which form.

    python -m tests.corpus.files FOLDER

writes them all; tests ask for one at a time.
"""

import atexit
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from itertools import chain, islice
from pathlib import Path

from tests.corpus import forms
from tests.corpus.families.intents import SYSTEM, intents
from tests.corpus.families.making import (
    identity,
    introductions,
    role_play,
    seed_tasks,
)
from tests.corpus.families.office import office_tasks
from tests.corpus.families.problems import word_problems
from tests.corpus.families.reading import quiz, reading
from tests.corpus.families.shell import shell_commands
from tests.corpus.families.talk import film_talk, small_talk
from tests.corpus.families.tools import tool_calls
from tests.corpus.spoiled import hard_rows, some_faulty

HARD_ROWS = 4_000
QUESTIONS = ("question", "answer")

FILES: dict[str, Callable[[], bytes]] = {
    "faulty.jsonl": lambda: forms.chat(
        some_faulty(chain(office_tasks(), role_play()), 15)
    ),
    "film_talk_zh.chat.jsonl": lambda: forms.chat(film_talk()),
    "hard.jsonl": lambda: b"\n".join([*hard(HARD_ROWS), b""]),
    "identity.chat.jsonl": lambda: forms.chat(identity()),
    "intents.chat.jsonl": lambda: forms.chat(intents(SYSTEM)),
    "intents.csv": lambda: forms.table(("text", "category"), intents()),
    "introductions.sharegpt.json": lambda: forms.sharegpt(introductions()),
    "office_tasks.chat.jsonl": lambda: forms.chat(office_tasks()),
    "quiz_ja.chat.jsonl": lambda: forms.chat(quiz()),
    "reading_ar.chat.jsonl": lambda: forms.chat(reading()),
    "role_play.alpaca_response.json": lambda: forms.alpaca(role_play(), "response"),
    "seed_tasks.alpaca.json": lambda: forms.alpaca(seed_tasks()),
    "shell.prompt_completion.jsonl": lambda: forms.prompt_completion(shell_commands()),
    "small_talk_ko.chat.jsonl": lambda: forms.chat(islice(small_talk(), 2_500)),
    "small_talk_ko.csv": lambda: forms.table(("Q", "A", "label"), small_talk(), 0),
    "tool_calls.chat.jsonl": lambda: forms.chat(tool_calls()),
    "tool_calls.sharegpt.json": lambda: forms.sharegpt(tool_calls()),
    "word_problems.chat.jsonl": lambda: forms.chat(word_problems()),
    "word_problems.parquet": lambda: forms.parquet(
        QUESTIONS, islice(word_problems(), 300)
    ),
}
CHAT_FILES = tuple(name for name in FILES if name.endswith(".chat.jsonl"))


def hard(count: int, seed: object = 14) -> Iterator[bytes]:
    """Lines of all families, spoiled in all ways; another seed gives others."""
    return hard_rows(_examples(), count, seed)


@cache
def _examples() -> list[forms.Example]:
    families = (office_tasks, tool_calls, intents, film_talk, quiz, reading, identity,
                introductions, role_play, shell_commands, small_talk)  # fmt: skip
    return [example for family in families for example in islice(family(), 150)]


def path_of(name: str) -> Path:
    """Where the file lies; it is made when it is first asked for."""
    path = _folder() / name
    if not path.exists():
        path.write_bytes(FILES[name]())
    return path


def write_all(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in FILES.items():
        (folder / name).write_bytes(content())


@cache
def _folder() -> Path:
    folder = tempfile.TemporaryDirectory(prefix="slmgen-corpus-")
    atexit.register(folder.cleanup)
    return Path(folder.name)


if __name__ == "__main__":
    write_all(Path(sys.argv[1]))
