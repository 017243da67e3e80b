"""A batch of rows → its examples, canonical, and what is wrong with the others."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import msgspec

from datasets.core.columns import CHAT, Columns
from datasets.core.conversations import Conversation
from datasets.core.convert import convert
from datasets.core.faults import Fault, Problem, problem
from datasets.core.parsing import decode
from datasets.core.reading import read
from datasets.core.review import review
from datasets.core.rows import Row
from datasets.core.streams import not_text
from datasets.core.structure import examine


@dataclass(frozen=True)
class Checked:
    lines: bytes  # the examples, one a line
    examples: int
    bad_rows: int
    faulty_examples: int
    problems: list[Problem]
    rows_of_kind: dict[str, list[int]]  # lines, each once, by kind of fault
    kept_of_kind: dict[str, int]  # how many of these rows are examples all the same


def check(rows: list[Row], *, unit: str, columns: Columns) -> Checked:
    """Raises InvalidInput for bytes that are no text."""
    reader = reader_for(columns)
    lines: list[bytes] = []
    problems: list[Problem] = []
    rows_of_kind: dict[str, list[int]] = {}
    kept_of_kind: Counter[str] = Counter()
    faulty = 0
    for row in rows:
        try:
            found = reader(row)
        except UnicodeDecodeError:
            raise not_text("UTF-8", row.offset + _bad_byte(row.text)) from None
        bad, faults = bool(found.faults), found.faults
        if found.conversation is not None:
            faults = faults + review(found.conversation, found.text)
        if not bad:
            lines.append(found.text)
            faulty += bool(faults)
        if faults:
            kinds = dict.fromkeys(fault.kind for fault in faults)
            kept_of_kind.update([] if bad else list(kinds))
            for kind in kinds:
                rows_of_kind.setdefault(kind, []).append(row.line)
            problems += [
                problem(row.line, fault, left_out=bad, unit=unit) for fault in faults
            ]
    return Checked(
        lines=b"\n".join([*lines, b""]),
        examples=len(lines),
        bad_rows=len(rows) - len(lines),
        faulty_examples=faulty,
        problems=problems,
        rows_of_kind=rows_of_kind,
        kept_of_kind=kept_of_kind,
    )


class Read(NamedTuple):
    text: bytes  # canonical; empty when the row could not be converted
    conversation: Conversation | None
    faults: list[Fault]  # for which the row is no example


def reader_for(columns: Columns) -> Callable[[Row], Read]:
    if columns == CHAT.columns:
        return _as_written
    return partial(_converted_row, columns=columns)


def _as_written(row: Row) -> Read:
    if row.fault is not None:
        return Read(b"", None, [row.fault])
    return Read(row.text, *read(row.text))


def _converted_row(row: Row, columns: Columns) -> Read:
    if row.fault is not None:
        return Read(b"", None, [row.fault])
    try:
        value = converted(row.text, columns)
    except Fault as fault:
        return Read(b"", None, [fault])
    return Read(msgspec.json.encode(value), *examine(value))


def converted(text: bytes, columns: Columns) -> dict[str, Any]:
    value = decode(text)
    if not isinstance(value, dict):
        raise examine(value)[1][0]
    return convert(value, columns)


def _bad_byte(text: bytes) -> int:
    try:
        text.decode()
    except UnicodeDecodeError as error:
        return error.start
    return 0
