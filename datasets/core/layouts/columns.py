"""Which column of a row holds what: known layouts, a guess, or the user's mapping."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from datasets.core.stored_values import loaded
from slmgen import error_text
from slmgen.error_text import shown
from slmgen.errors import InvalidInput

MAX_NAME_CHARACTERS = 100  # of a column that is used without being named
EXAMPLE = '{"user": "question", "assistant": "answer"}'


@dataclass(frozen=True)
class Columns:
    """Columns of a row by what they hold: a whole conversation, or one exchange."""

    messages: str | None = None
    user: str | None = None
    assistant: str | None = None
    system: str | None = None
    context: str | None = None  # appended to the user's text after an empty line
    history: str | None = None  # earlier exchanges, a list of pairs

    @property
    def named(self) -> dict[str, str]:
        return {part: name for part, name in asdict(self).items() if name is not None}


@dataclass(frozen=True)
class Layout:
    form: str
    columns: Columns
    guessed: bool = False


def stored_columns(stored: object) -> Columns:
    """Columns as the database stores them; ignores fields that this release does not
    know."""
    return loaded(Columns, stored) or Columns()


PARTS = tuple(asdict(Columns()))
CHAT = Layout("chat", Columns(messages="messages"))

# Column names that mean one thing everywhere, in lower case: form, user, assistant.
PAIRS = (
    ("Alpaca", "instruction", "output"),
    ("Alpaca", "instruction", "response"),
    ("prompt/completion", "prompt", "completion"),
    ("prompt/completion", "prompt", "response"),
    ("question/answer", "question", "answer"),
    ("question/answer", "question", "response"),
    ("question/answer", "q", "a"),
    ("question/answer", "query", "response"),
    ("question/answer", "query", "answer"),
    ("question/answer", "user", "assistant"),
    ("question/answer", "input", "output"),
)
# The keys of a single message, not of a row
MESSAGE_KEYS = frozenset({"role", "content", "from", "value"})
SYSTEM_NAMES = ("system", "system_prompt")
PREFERENCES = (
    frozenset({"chosen", "rejected"}),
    frozenset({"preferred_output", "non_preferred_output"}),
)


def layout_of(row: Mapping[str, Any]) -> Layout | None:
    """The layout that the keys of `row` match, or a guess; None when nothing matches.

    Raises InvalidInput for data without conversations: preference pairs, plain text.
    """
    _refuse_other_kinds(row)
    if "messages" in row:
        return CHAT
    for name in ("conversations", "conversation"):
        if isinstance(row.get(name), list):
            return Layout("ShareGPT", _with_system(row, Columns(messages=name)))
    return _pair(row) or _guess(row)


def _refuse_other_kinds(row: Mapping[str, Any]) -> None:
    for keys in PREFERENCES:
        if keys <= row.keys():
            first, second = sorted(keys)
            raise InvalidInput(
                f"The first row has the keys {first!r} and {second!r} of preference "
                "pairs; expected conversations with one answer; keep the better answer "
                "under 'completion' beside a 'prompt' and remove the other."
            )
    if set(row) == {"text"}:
        raise InvalidInput(
            "The first row has 'text' alone, for training without questions; expected "
            "conversations; split the text into a 'prompt' and a 'completion'."
        )


def _pair(row: Mapping[str, Any]) -> Layout | None:
    names = {name.lower(): name for name in row}
    for form, user, assistant in PAIRS:
        if user in names and assistant in names:
            columns = Columns(user=names[user], assistant=names[assistant])
            return Layout(form, _with_system(row, _with_more(form, names, columns)))
    return None


def _with_more(form: str, names: Mapping[str, str], columns: Columns) -> Columns:
    if form != "Alpaca":
        return columns
    more = {"context": names.get("input"), "history": names.get("history")}
    return Columns(**{**asdict(columns), **more})


def _with_system(row: Mapping[str, Any], columns: Columns) -> Columns:
    name = next((name for name in SYSTEM_NAMES if name in row), None)
    return Columns(**{**asdict(columns), "system": name})


def _guess(row: Mapping[str, Any]) -> Layout | None:
    """Two columns of text: the first is the user's, the second the assistant's."""
    texts = [name for name, value in row.items() if isinstance(value, str)]
    if any(len(name) > MAX_NAME_CHARACTERS for name in texts):
        return None
    if len(row) != 2 or len(texts) != 2 or not MESSAGE_KEYS.isdisjoint(row):
        return None
    return Layout("two columns", Columns(user=texts[0], assistant=texts[1]), True)


def mapped(mapping: Mapping[str, Any]) -> Layout:
    """The layout of a user's `mapping` (part → column)."""
    unknown = [str(part) for part in mapping if part not in PARTS]
    if unknown:
        raise InvalidInput(f"mapping: {error_text.unknown(unknown[0], PARTS, 'part')}")
    for part, name in mapping.items():
        if not isinstance(name, str) or not name:
            raise InvalidInput(
                f"mapping.{part} is {shown(name)}; expected the name of a column, as "
                f"in {EXAMPLE}."
            )
    columns = Columns(**mapping)
    exchange = columns.user is not None and columns.assistant is not None
    if exchange == (columns.messages is not None):
        raise InvalidInput(
            "mapping must name either 'messages' or both 'user' and 'assistant', as in "
            f"{EXAMPLE}."
        )
    return Layout("mapped", columns)


def check_names(layout: Layout, names: Iterable[str]) -> None:
    """Raises InvalidInput when `layout` needs a column that is missing."""
    there = list(names)
    for part, name in layout.columns.named.items():
        if name not in there:
            raise InvalidInput(
                f"mapping gives {part!r} the column {shown(name)}, which is not in the "
                f"file; its columns are {', '.join(map(shown, there[:20]))}."
            )


def unknown(names: Iterable[str]) -> InvalidInput:
    some = ", ".join(map(shown, list(names)[:20]))
    return InvalidInput(
        f"The columns are {some}: which holds the question and which the answer is "
        "not clear; expected one that asks and one that answers; name them below the "
        f"file, by the API in the form field mapping, such as {EXAMPLE}."
    )
