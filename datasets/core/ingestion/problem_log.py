"""All problems of a file, on disk, indexed by place and by kind."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO

import msgspec
import numpy as np
from numpy.typing import NDArray

from datasets.core.faults.fault import Problem
from datasets.core.stored_values import loaded
from datasets.core.validation.batch import Checked

RECORD = np.dtype([("offset", "<u8"), ("length", "<u4"), ("kind", "<u2")])
FIRST_LINES = 20
MOST_LISTED = 2_000  # problems of one kind
ALWAYS_LISTED = 20  # of one kind, whatever the number of others
MOST_BYTES = 8_000_000  # of all


class Group(msgspec.Struct):
    """All problems of one kind."""

    kind: str
    problems: int = 0
    rows: int = 0
    left_out: int = 0  # problems in rows that are skipped
    kept: int = 0  # problems in rows that are kept
    first_lines: list[int] = msgspec.field(default_factory=list)
    first_kept: list[int] = msgspec.field(default_factory=list)
    # Problems in the file; None: all of them, not sorted by kind
    listed: int | None = None
    first: Problem | None = None


def groups_of(stored: Iterable[object]) -> tuple[Group, ...]:
    """Stored groups of any release."""
    found = (loaded(Group, group) for group in stored)
    return tuple(group for group in found if group is not None)


@dataclass
class ProblemLog:
    """Writes problems as they come. Counts all; lists as many as keep memory and disk
    use bounded.

    The index is an array of `RECORD` in the order of the file, followed by the same
    records sorted by kind, in the order of the groups: a page of either is one read.
    """

    lines: BinaryIO
    index: BinaryIO
    groups: dict[str, Group] = field(default_factory=dict)
    written: int = 0
    by_kind: dict[str, bytearray] = field(default_factory=dict)

    def add(self, checked: Checked) -> None:
        problems = checked.problems
        for kind, rows in checked.rows_of_kind.items():
            group = self.groups.setdefault(kind, Group(kind))
            group.rows += len(rows)
            group.first_lines += rows[: FIRST_LINES - len(group.first_lines)]
            kept = checked.kept_of_kind.get(kind, [])
            group.kept += len(kept)
            group.first_kept += kept[: FIRST_LINES - len(group.first_kept)]
        numbers = {kind: number for number, kind in enumerate(self.groups)}
        for problem in problems:
            group = self.groups[problem.kind]
            group.problems += 1
            group.left_out += problem.left_out
            if self._has_room(group):
                self._list(problem, group, numbers[problem.kind])

    def _has_room(self, group: Group) -> bool:
        if group.listed is None or group.listed < ALWAYS_LISTED:
            return True
        return group.listed < MOST_LISTED and self.written < MOST_BYTES

    def _list(self, problem: Problem, group: Group, number: int) -> None:
        text = msgspec.json.encode(problem) + b"\n"
        record = np.array((self.written, len(text) - 1, number), RECORD).tobytes()
        self.lines.write(text)
        self.written += len(text)
        self.index.write(record)
        self.by_kind.setdefault(group.kind, bytearray()).extend(record)
        group.first = group.first or problem
        group.listed = (group.listed or 0) + 1

    def finished(self) -> tuple[Group, ...]:
        for kind in self.groups:
            self.index.write(self.by_kind.get(kind, b""))
        return tuple(self.groups.values())


@dataclass(frozen=True)
class ProblemPage:
    problems: list[Problem]
    listed_count: int  # on all pages


def read_page(
    lines: BinaryIO,
    index: BinaryIO,
    groups: Sequence[Group],
    *,
    kind: int | None,
    start: int,
    count: int,
) -> ProblemPage:
    """Problems `start` to `start + count`; `kind` is a position among the groups."""
    if any(group.listed is None for group in groups):
        return _page_of_unsorted(lines, index, kind, start, count)
    listed = [group.listed or 0 for group in groups]
    first, most = 0, sum(listed)
    if kind is not None:
        first, most = most + sum(listed[:kind]), listed[kind]
    index.seek((first + min(start, most)) * RECORD.itemsize)
    size = max(min(count, most - start), 0) * RECORD.itemsize
    records = np.frombuffer(index.read(size), RECORD)
    return ProblemPage([_read(lines, record) for record in records], most)


def _page_of_unsorted(
    lines: BinaryIO, index: BinaryIO, kind: int | None, start: int, count: int
) -> ProblemPage:
    """For older uploads, whose index is not sorted by kind: reads all of it."""
    records = np.frombuffer(index.read(), RECORD)
    if kind is not None:
        records = records[records["kind"] == kind]
    wanted = records[start : start + count]
    return ProblemPage([_read(lines, record) for record in wanted], len(records))


def _read(lines: BinaryIO, record: NDArray[np.void]) -> Problem:
    lines.seek(int(record["offset"]))
    text = lines.read(int(record["length"]))
    return msgspec.json.decode(text, type=Problem)


def places(group: Group, shown: int = 5) -> str:
    """The first rows of a group that are kept, in words."""
    lines = [f"{line:,}" for line in group.first_kept[:shown]]
    noun = "line" if group.kept == 1 else "lines"
    more = group.kept - len(lines)
    return f"{noun} {', '.join(lines)}" + (f" and {more:,} more" if more else "")
