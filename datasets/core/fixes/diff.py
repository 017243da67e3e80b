"""A row before and after a fix → a diff that a person can read."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

import msgspec

from datasets.core.faults.fault import Fault
from datasets.core.fixes.apply import ChangedRow
from datasets.core.message_view import pretty, text_of
from datasets.core.readers.json_text import decode

COMPARED_MESSAGES = 200  # of one row; the time grows with the square of this
COMPARED_CHARACTERS = 3_000  # of one message; the time grows with the square of this
SHOWN_LINES = 12
AROUND_CHARACTERS = 120  # of unchanged text, before and after a change
WORDS = re.compile(r"\s+|\w+|[^\w\s]")

SAME, REMOVED, ADDED = "same", "removed", "added"


@dataclass(frozen=True)
class DiffPart:
    """A piece of text; the fix changes the marked ones."""

    text: str
    is_marked: bool = False


@dataclass(frozen=True)
class DiffLine:
    """One message; or the whole row, where it is no conversation."""

    kind: str  # same, removed or added
    who: str
    parts: tuple[DiffPart, ...]
    who_is_marked: bool = False

    @property
    def sign(self) -> str:
        return {REMOVED: "−", ADDED: "+"}.get(self.kind, "")


@dataclass(frozen=True)
class Difference:
    line: int  # in the file
    is_dropped: bool
    lines: list[DiffLine]
    left_out: int  # not shown


@dataclass(frozen=True)
class _MessageText:
    """The part of a message that is compared."""

    who: str
    text: str


def difference(row: ChangedRow) -> Difference:
    before = _messages_of(row.before)
    if row.after is None:
        lines = [DiffLine(REMOVED, each.who, _cut(each.text)) for each in before]
        more = 0
    else:
        after = _messages_of(row.after)
        most = COMPARED_MESSAGES
        lines = list(_compared(before[:most], after[:most]))
        more = max(len(before), len(after), most) - most
    shown = lines[:SHOWN_LINES]
    left_out = len(lines) - len(shown) + more
    return Difference(row.line, row.after is None, shown, left_out)


def _messages_of(text: bytes) -> list[_MessageText]:
    try:
        value = decode(text)
        messages = value["messages"]
        found = [_message(message) for message in messages]
    except (Fault, KeyError, TypeError, UnicodeDecodeError):  # not a conversation
        return [_MessageText("", text.decode(errors="replace"))]
    rest = {key: value[key] for key in value if key != "messages"}
    more = [_MessageText("Beside them", pretty(rest))] if rest else []
    return found + more


def _message(message: Any) -> _MessageText:
    if not isinstance(message, dict):
        return _MessageText("", pretty(message))
    text = text_of(message)
    known = {"role", "content"} if isinstance(message.get("content"), str) else {"role"}
    rest = {key: message[key] for key in message if key not in known}
    more = msgspec.json.encode(rest).decode() if rest else ""
    return _MessageText(
        str(message.get("role", "")), "\n".join(filter(None, [text, more]))
    )


def _compared(
    before: list[_MessageText], after: list[_MessageText]
) -> Iterator[DiffLine]:
    matcher = SequenceMatcher(None, before, after, autojunk=False)
    for kind, a, b, c, d in matcher.get_opcodes():
        if kind == "equal":
            yield from (
                DiffLine(SAME, each.who, _cut(each.text)) for each in before[a:b]
            )
        elif b - a == d - c:
            for old, new in zip(before[a:b], after[c:d], strict=True):
                yield from _changed(old, new)
        else:
            yield from (DiffLine(REMOVED, o.who, _cut(o.text)) for o in before[a:b])
            yield from (DiffLine(ADDED, n.who, _cut(n.text)) for n in after[c:d])


def _changed(old: _MessageText, new: _MessageText) -> Iterator[DiffLine]:
    """The old and the new line, with the words that differ marked."""
    start = max(_common(old.text, new.text) - AROUND_CHARACTERS, 0)
    olds, news = _words(old.text, start), _words(new.text, start)
    blocks = SequenceMatcher(None, olds, news, autojunk=False).get_opcodes()
    removed = [
        DiffPart("".join(olds[a:b]), kind != "equal") for kind, a, b, _, _ in blocks
    ]
    added = [
        DiffPart("".join(news[c:d]), kind != "equal") for kind, _, _, c, d in blocks
    ]
    head = [DiffPart("… ")] if start else []
    who = old.who != new.who
    yield DiffLine(REMOVED, old.who, (*head, *_filled(removed)), who)
    yield DiffLine(ADDED, new.who, (*head, *_filled(added)), who)


def _common(first: str, second: str) -> int:
    """Length of the common prefix, in characters."""
    length = min(len(first), len(second))
    return next((n for n in range(length) if first[n] != second[n]), length)


def _words(text: str, start: int) -> list[str]:
    found: list[str] = WORDS.findall(text[start : start + COMPARED_CHARACTERS])
    return found + ["…"] * (len(text) > start + COMPARED_CHARACTERS)


def _filled(parts: list[DiffPart]) -> list[DiffPart]:
    """Drops empty parts and cuts long unchanged ones in the middle."""
    most = 2 * AROUND_CHARACTERS
    return [
        part
        if part.is_marked or len(part.text) <= most
        else DiffPart(
            f"{part.text[:AROUND_CHARACTERS]} … {part.text[-AROUND_CHARACTERS:]}"
        )
        for part in parts
        if part.text
    ]


def _cut(text: str) -> tuple[DiffPart, ...]:
    most = 2 * AROUND_CHARACTERS
    return (DiffPart(text if len(text) <= most else f"{text[:most]}…"),)
