"""Makes a large realistic chat file from small ones.

    python benchmarks/corpus.py [FOLDER] OUT [--examples 100000] [--repeated]

FOLDER holds datasets in any form that the product reads; `folders.py` says which it is
where none is named. Conversations of one dataset are joined and their sentences are
shuffled. In an unrepeated file words are changed until no message has the text of
another, as in most data that people bring. In a repeated one prompts and labels stay,
and one in twenty examples is an exact copy of an earlier one. The same arguments make
the same file.
"""

import argparse
import functools
import io
import itertools
import json
import random
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.folders import small_datasets
from datasets.core.ingestion.ingest import Limits, Targets, ingest
from slmgen.errors import InvalidInput

LIMITS = Limits(max_bytes=10**9, max_row_bytes=10**7, min_examples=1)
COPIES = 0.05
SENTENCE = re.compile(r"(?<=[.!?。！？]) ?")
RECENT = 2_000  # copies are of one of the last so many
WORD = re.compile(r"\w+")
CHANGED = 0.5  # of the words of a text

Rows = list[dict[str, Any]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("out", type=Path)
    parser.add_argument("--examples", type=int, default=100_000)
    parser.add_argument("--repeated", action="store_true")
    arguments = parser.parse_args()
    write = write_repeated if arguments.repeated else write_unrepeated
    write(small_datasets(arguments.folder), arguments.out, arguments.examples)


def write_unrepeated(folder: Path, out: Path, count: int) -> None:
    source = random.Random(20261125)
    write_lines(out, unrepeated(sets_of(folder), source, count))


def write_repeated(folder: Path, out: Path, count: int) -> None:
    source = random.Random(20261125)
    write_lines(out, repeated(sets_of(folder), source, [], count))


def sets_of(folder: Path) -> list[Rows]:
    return [rows for path in sorted(folder.iterdir()) if (rows := read(path))]


def write_lines(out: Path, lines: Iterator[bytes]) -> None:
    with out.open("wb") as file:
        for line in lines:
            file.write(line)


def read(path: Path) -> Rows:
    targets = Targets(io.BytesIO(), io.BytesIO(), io.BytesIO())
    try:
        with path.open("rb") as file:
            ingest(file, targets, LIMITS)
    except InvalidInput:
        return []  # a table of contents or a license
    return [json.loads(line) for line in targets.examples.getvalue().splitlines()]  # type: ignore[attr-defined]


def repeated(
    sets: list[Rows], source: random.Random, recent: list[bytes], count: int
) -> Iterator[bytes]:
    for _ in range(count):
        if recent and source.random() < COPIES:
            yield source.choice(recent)
            continue
        example = varied(source.choice(sets), source)
        line = line_of(example)
        recent.append(line)
        del recent[:-RECENT]
        yield line


def unrepeated(sets: list[Rows], source: random.Random, count: int) -> Iterator[bytes]:
    words = [words_of(rows) for rows in sets]
    seen: set[int] = set()
    for _ in range(count):
        place = source.randrange(len(sets))
        example = varied(sets[place], source)
        for message in example["messages"]:
            if isinstance(message.get("content"), str) and message["content"]:
                message["content"] = new_text(
                    message["content"], words[place], source, seen
                )
        yield line_of(example)


def words_of(rows: Rows) -> list[str]:
    contents = [message.get("content") for row in rows for message in row["messages"]]
    return WORD.findall("\n".join(text for text in contents if isinstance(text, str)))


def new_text(text: str, words: list[str], source: random.Random, seen: set[int]) -> str:
    """With other words of the same dataset; longer if it has too few of its own."""
    change = functools.partial(changed, words=words, source=source)
    for tries in itertools.count():
        new = WORD.sub(change, text) + f" {source.choice(words)}" * (tries // 4)
        if hash(new) not in seen:
            seen.add(hash(new))
            return new
    raise AssertionError("unreachable")


def changed(word: re.Match[str], words: list[str], source: random.Random) -> str:
    return source.choice(words) if source.random() < CHANGED else word[0]


def line_of(example: dict[str, Any]) -> bytes:
    return json.dumps(example, ensure_ascii=False).encode() + b"\n"


def varied(rows: Rows, source: random.Random) -> dict[str, Any]:
    """One to three conversations in one, with the sentences of each text shuffled."""
    parts = [source.choice(rows) for _ in range(source.choice((1, 1, 2, 3)))]
    messages = [
        {**message, "content": shuffled(message.get("content"), source)}
        for part in parts
        for message in part["messages"]
        if message["role"] != "system" or part is parts[0]
    ]
    return {**parts[0], "messages": messages}


def shuffled(text: Any, source: random.Random) -> Any:
    if not isinstance(text, str) or len(text) < 20:
        return text
    sentences = [part for part in SENTENCE.split(text) if part.strip()]
    source.shuffle(sentences)
    return " ".join(sentences)


if __name__ == "__main__":
    main()
