"""A batch of rows → its examples, canonical, and what is wrong with the others."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

import msgspec

from datasets.core.conversation import Conversation
from datasets.core.faults.fault import Fault, Problem, problem
from datasets.core.layouts.columns import CHAT, Columns
from datasets.core.layouts.conversion import convert
from datasets.core.readers.json_text import decode, nesting_fault
from datasets.core.readers.rows import Batch, SourceRow
from datasets.core.readers.streams import not_text
from datasets.core.validation.content import review
from datasets.core.validation.decoding import parse, read
from datasets.core.validation.schema import examine
from datasets.core.validation.suspects import suspects_of
from datasets.core.validation.text_rules import Sign, signs_of

NO_SIGNS: set[Sign] = set()


@dataclass
class Checked:
    lines: bytes = b""  # the examples, one a line
    is_all: bool = False  # they are the lines that were given; `lines` is empty
    examples: int = 0
    bad_rows: int = 0
    faulty_examples: int = 0
    problems: list[Problem] = field(default_factory=list)
    # Lines of rows, each once, by kind of fault; those that are examples all the same.
    rows_of_kind: dict[str, list[int]] = field(default_factory=dict)
    kept_of_kind: dict[str, list[int]] = field(default_factory=dict)

    def note(
        self, line: int, faults: list[Fault], *, left_out: bool, unit: str
    ) -> None:
        for kind in dict.fromkeys(fault.kind for fault in faults):
            self.rows_of_kind.setdefault(kind, []).append(line)
            if not left_out:
                self.kept_of_kind.setdefault(kind, []).append(line)
        self.problems += [
            problem(line, fault, left_out=left_out, unit=unit) for fault in faults
        ]


def check(batch: Batch, *, unit: str, columns: Columns) -> Checked:
    """Raises InvalidInput for bytes that are no text."""
    reader, is_chat = reader_for(columns), columns == CHAT.columns
    suspects = suspects_of(batch, is_chat=is_chat)
    # Looked for in all rows at once where their texts stay as they are.
    signs = signs_of([row.text for _, row in suspects.rows]) if is_chat else None
    checked = Checked()
    read: dict[int, bytes] = {}  # by place; empty for a row that is no example
    for number, (place, row) in enumerate(suspects.rows):
        found = _read(reader, row)
        faults = found.faults
        if found.conversation is not None:
            known = None if signs is None else signs.get(number, NO_SIGNS)
            reviewed = review(found.conversation, found.text, known)
            faults = _each_once(found.faults, reviewed)
        left_out = bool(found.faults)
        read[place] = b"" if left_out else found.text
        checked.bad_rows += left_out
        if faults:
            checked.faulty_examples += not left_out
            checked.note(row.line, faults, left_out=left_out, unit=unit)
    checked.examples = suspects.size - checked.bad_rows
    checked.is_all = is_chat and not checked.bad_rows and suspects.is_all
    if not checked.is_all:
        texts = [read.get(place, text) for place, text in enumerate(suspects.texts())]
        checked.lines = b"".join([text + b"\n" for text in texts if text])
    return checked


def _each_once(faults: list[Fault], reviewed: list[Fault]) -> list[Fault]:
    """Both, but nothing of the row as a whole that is said of its messages too."""
    kinds = {fault.kind for fault in reviewed}
    rest = [f for f in faults if f.message is not None or f.kind not in kinds]
    return rest + reviewed


class Read(NamedTuple):
    text: bytes  # canonical; empty when the row could not be converted
    conversation: Conversation | None
    faults: list[Fault]  # for which the row is no example


def _read(reader: Callable[[SourceRow], Read], row: SourceRow) -> Read:
    try:
        return reader(row)
    except UnicodeDecodeError:
        raise not_text("UTF-8", row.offset + _bad_byte(row.text)) from None


def reader_for(columns: Columns) -> Callable[[SourceRow], Read]:
    if columns == CHAT.columns:
        return _as_written
    return partial(_converted_row, columns=columns)


def _as_written(row: SourceRow) -> Read:
    if row.fault is not None:
        return Read(b"", None, [row.fault])
    return Read(row.text, *read(row.text))


def _converted_row(row: SourceRow, columns: Columns) -> Read:
    if row.fault is not None:
        return Read(b"", None, [row.fault])
    try:
        value = converted(row.text, columns)
    except Fault as fault:
        return Read(b"", None, [fault])
    text = msgspec.json.encode(value)
    # JSON inside of texts has become part of the row.
    if nested := nesting_fault(text):
        return Read(b"", None, [nested])
    return Read(text, *examine(value))


def converted(text: bytes, columns: Columns) -> dict[str, Any]:
    value = decode(text)
    if not isinstance(value, dict):
        raise examine(value)[1][0]
    return convert(value, columns)


def issues_of(example: bytes) -> list[str]:
    """What is wrong with the content of a row that is an example, in sentences."""
    return [fault.sentence for fault in review(parse(example), example)]


def _bad_byte(text: bytes) -> int:
    try:
        text.decode()
    except UnicodeDecodeError as error:
        return error.start
    return 0
