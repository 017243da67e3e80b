"""All problems of a file, on disk, each found again by its place or its kind."""

from dataclasses import dataclass, field
from typing import BinaryIO

import msgspec
import numpy as np
from numpy.typing import NDArray

from datasets.core.check import Checked
from datasets.core.faults import Problem

RECORD = np.dtype([("offset", "<u8"), ("length", "<u4"), ("kind", "<u2")])
FIRST_LINES = 20


class Group(msgspec.Struct):
    """All problems of one kind."""

    kind: str
    problems: int = 0
    rows: int = 0
    left_out: int = 0  # problems in rows that are no examples
    kept: int = 0  # rows that are examples all the same
    first_lines: list[int] = msgspec.field(default_factory=list)
    first_kept: list[int] = msgspec.field(default_factory=list)


@dataclass
class ProblemLog:
    """Writes problems as they come; memory does not grow with their number."""

    lines: BinaryIO
    index: BinaryIO
    groups: dict[str, Group] = field(default_factory=dict)
    written: int = 0

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
        records = np.zeros(len(problems), RECORD)
        for place, problem in enumerate(problems):
            text = msgspec.json.encode(problem) + b"\n"
            records[place] = (self.written, len(text) - 1, numbers[problem.kind])
            self.lines.write(text)
            self.written += len(text)
            self.groups[problem.kind].problems += 1
            self.groups[problem.kind].left_out += problem.left_out
        self.index.write(records.tobytes())


@dataclass(frozen=True)
class ProblemPage:
    problems: list[Problem]
    total_count: int


def read_page(
    lines: BinaryIO, index: BinaryIO, *, kind: int | None, start: int, count: int
) -> ProblemPage:
    """Problems `start` to `start + count`; `kind` is a place among the groups."""
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
    """The first rows of a group that are examples, in words."""
    lines = [f"{line:,}" for line in group.first_kept[:shown]]
    noun = "line" if group.kept == 1 else "lines"
    more = group.kept - len(lines)
    return f"{noun} {', '.join(lines)}" + (f" and {more:,} more" if more else "")
