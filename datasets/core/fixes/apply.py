"""Stored upload and chosen fixes → fixed rows and a report."""

import hashlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import msgspec

from datasets.core.analysis.message_table import key_of
from datasets.core.canonical import transcript
from datasets.core.faults.fault import Fault
from datasets.core.fixes.operations import Repair, repaired
from datasets.core.ingestion.ingest import Limits
from datasets.core.layouts.columns import Layout
from datasets.core.privacy.detection import redacted
from datasets.core.readers.detection import open_rows
from datasets.core.readers.json_text import decode
from datasets.core.readers.rows import Progress, SourceRow, no_progress, rows_of
from datasets.core.validation.batch import reader_for
from datasets.core.validation.content import review
from datasets.core.validation.decoding import read
from slmgen.errors import InvalidInput

SHOWN_CHANGES = 5
SHOWN_CHARACTERS = 600


@dataclass(frozen=True)
class ChangedRow:
    """A row before and after a fix; a removed row has no `after`."""

    line: int
    before: bytes
    after: bytes | None

    @property
    def masked(self) -> dict[str, Any]:
        """Excerpts of both with personal data masked, which may be stored and
        returned."""
        return {
            "line": self.line,
            "before": _shown(self.before),
            "after": None if self.after is None else _shown(self.after),
        }


@dataclass
class AppliedFix:
    """What one fix has changed."""

    repair: Repair
    changed: int = 0
    dropped: int = 0
    rows: list[ChangedRow] = field(default_factory=list)  # the first changed rows

    def note(self, line: int, before: bytes, after: bytes | None) -> None:
        self.dropped += after is None
        self.changed += after is not None
        if len(self.rows) < SHOWN_CHANGES:
            self.rows.append(ChangedRow(line, before, after))

    @property
    def summary(self) -> dict[str, Any]:
        return {
            "kind": self.repair.kind,
            "changed": self.changed,
            "dropped": self.dropped,
            "first": [row.masked for row in self.rows],
        }


@dataclass
class FixReport:
    rows_before: int = 0
    rows_after: int = 0
    unreadable: int = 0  # rows too long or malformed, which no fix can keep
    changes: list[AppliedFix] = field(default_factory=list)

    @property
    def summary(self) -> dict[str, Any]:
        """The report as the new version stores it."""
        return {
            "rows_before": self.rows_before,
            "rows_after": self.rows_after,
            "unreadable": self.unreadable,
            "changes": [change.summary for change in self.changes],
        }


@dataclass(frozen=True)
class FixPlan:
    """The fixes, and the examples that are near-duplicates of earlier ones."""

    repairs: tuple[Repair, ...]
    near_copies: Collection[int] = frozenset()


def apply_fixes(
    source: BinaryIO,
    target: BinaryIO,
    limits: Limits,
    layout: Layout,
    work: FixPlan,
    progress: Progress = no_progress,
) -> FixReport:
    """Writes the fixed rows as JSON Lines. Rows that are no JSON object are kept.

    `progress` gets the number of bytes of `source` read so far. Raises InvalidInput
    when no row would be left.
    """
    report = FixReport(changes=[AppliedFix(repair) for repair in work.repairs])
    rows = _rows(source, limits, progress)
    for text in _fixed_rows(rows, layout, work, report):
        target.write(text + b"\n")
        report.rows_after += 1
    if not report.rows_after:
        raise InvalidInput(
            "These repairs would leave no row; choose fewer of them, or other faults."
        )
    return report


def apply_fixes_to_file(
    source: BinaryIO,
    target: BinaryIO,
    limits: Limits,
    layout: Layout,
    work: FixPlan,
    report: Progress,
) -> dict[str, Any]:
    """`apply_fixes` for another process; returns excerpts instead of whole rows."""
    return apply_fixes(source, target, limits, layout, work, report).summary


def _rows(source: BinaryIO, limits: Limits, progress: Progress) -> Iterator[SourceRow]:
    opened = open_rows(
        source, max_row_bytes=limits.max_row_bytes, max_bytes=limits.max_bytes
    )
    for batch in opened.batches:
        yield from rows_of(batch)
        progress(source.tell())


def _fixed_rows(
    rows: Iterator[SourceRow], layout: Layout, work: FixPlan, report: FixReport
) -> Iterator[bytes]:
    reader = reader_for(layout.columns)
    seen: set[bytes] = set()
    index = -1  # of the last row that is an example
    for row in rows:
        report.rows_before += 1
        if row.fault is not None:
            report.unreadable += 1
            continue
        found = reader(row)
        index += not found.faults
        is_near = not found.faults and index in work.near_copies
        text = found.text or row.text
        for repair, change in zip(work.repairs, report.changes, strict=True):
            after = _repaired(text, repair, is_near, seen)
            if after != text:
                change.note(row.line, text, after)
            if after is None:
                break
            text = after
        else:
            yield text


def _repaired(
    text: bytes, repair: Repair, is_near: bool, seen: set[bytes]
) -> bytes | None:
    if repair.kind == "drop_near_duplicates":
        return None if is_near else text
    if repair.kind == "drop_faults":
        return None if not kinds_of(text).isdisjoint(repair.faults) else text
    if repair.kind == "drop_exact_duplicates":
        return _unless_seen(text, seen)
    try:
        value = decode(text)
    except Fault:
        return text
    if not isinstance(value, dict):
        return text
    changed = repaired(value, repair)
    return text if changed == value else msgspec.json.encode(changed)


def _unless_seen(text: bytes, seen: set[bytes]) -> bytes | None:
    conversation, faults = read(text)
    if faults or conversation is None:
        return text
    # A cryptographic digest: a crafted collision would remove a row that differs.
    key = hashlib.blake2b(key_of(transcript(text)), digest_size=16).digest()
    if key in seen:
        return None
    seen.add(key)
    return text


def kinds_of(text: bytes) -> set[str]:
    conversation, faults = read(text)
    if conversation is not None:
        faults = faults + review(conversation, text)
    return {fault.kind for fault in faults}


def _shown(text: bytes) -> str:
    """An excerpt of a row, with personal data masked."""
    return redacted(text.decode())[:SHOWN_CHARACTERS]
