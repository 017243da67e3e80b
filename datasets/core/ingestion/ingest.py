"""Upload → canonical examples: one valid conversation a line, unchanged where
possible."""

import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import chain, islice
from typing import Any, BinaryIO

from datasets.core.faults.fault import Fault, Problem
from datasets.core.ingestion.problem_log import Group, ProblemLog
from datasets.core.layouts import columns
from datasets.core.layouts.columns import Layout
from datasets.core.layouts.conversion import convert
from datasets.core.processes.parallel import run_parallel
from datasets.core.readers.detection import Source, open_rows
from datasets.core.readers.json_text import decode
from datasets.core.readers.rows import (
    BATCH_BYTES,
    Batch,
    LineBlock,
    Progress,
    SourceRow,
    no_progress,
    rows_of,
)
from datasets.core.validation.batch import Checked, check
from datasets.core.validation.native import is_built
from datasets.core.validation.schema import examine
from slmgen.errors import InvalidInput

VALID_SHARE_NEEDED = 0.9
SHOWN_PROBLEMS = 20
MAX_EXAMPLES = 5_000_000
ROWS_FOR_LAYOUT = 100  # read before the layout must be known


@dataclass(frozen=True)
class Limits:
    max_bytes: int
    max_row_bytes: int
    min_examples: int
    processes: int = 1


@dataclass(frozen=True)
class Ingested:
    """The result of an upload. `problems` holds the first that cost a row."""

    size: int  # bytes received
    sha256: str  # of the bytes received
    container: str
    layout: Layout
    examples: int
    examples_bytes: int
    examples_sha256: str
    bad_lines: int
    faulty_examples: int
    problems: tuple[Problem, ...]
    groups: tuple[Group, ...]  # of all problems, by kind


@dataclass(frozen=True)
class Targets:
    """The files that an upload is written to."""

    examples: BinaryIO
    problems: BinaryIO
    problem_index: BinaryIO


@dataclass
class _Totals:
    examples: int = 0
    bad_lines: int = 0
    faulty: int = 0
    problems: list[Problem] = field(default_factory=list)

    def add(self, checked: Checked) -> None:
        self.examples += checked.examples
        self.bad_lines += checked.bad_rows
        self.faulty += checked.faulty_examples
        left = SHOWN_PROBLEMS - len(self.problems)
        if left > 0 and checked.bad_rows:
            costly = [found for found in checked.problems if found.left_out]
            self.problems += costly[:left]
        if self.examples > MAX_EXAMPLES:
            raise InvalidInput(
                f"The file has more than {MAX_EXAMPLES:,} examples; split it."
            )


@dataclass
class _Examples:
    """The file of examples while it is written."""

    upload: BinaryIO
    target: BinaryIO
    is_upload: bool  # identical so far; then it needs no hash of its own
    size: int = 0
    digest: "hashlib._Hash | None" = None

    def add(self, batch: Batch, checked: Checked) -> None:
        lines = checked.lines
        if checked.is_all and isinstance(batch, LineBlock):
            # Workers send no text back that they were sent unchanged
            lines = batch.text
        self.is_upload = self.is_upload and checked.is_all
        if not self.is_upload and self.digest is None:
            self.digest = _digest_of_first(self.upload, self.size)
        if self.digest is not None:
            self.digest.update(lines)
        self.target.write(lines)
        self.size += len(lines)


def ingest(
    source: BinaryIO,
    targets: Targets,
    limits: Limits,
    layout: Layout | None = None,
    report: Progress = no_progress,
) -> Ingested:
    """Writes the valid examples of `source`, and all problems, to `targets`.

    `report` gets the number of bytes of `source` read so far. Without a `layout` the
    rows decide. Raises InvalidInput when there is too little to train on; TooLarge.
    """
    raw, totals = _Hashed(source), _Totals()
    opened = _opened(raw, limits)
    batches, layout = with_layout(opened, layout)
    log = ProblemLog(targets.problems, targets.problem_index)
    examples = _Examples(source, targets.examples, _is_kept(opened))
    file = source if opened.is_plain else None
    work = partial(check, unit=opened.reader.unit, columns=layout.columns)
    native = is_built() and layout.columns == columns.CHAT.columns
    for batch, checked in run_parallel(
        work, batches, limits.processes, file, threads=native
    ):
        examples.add(batch, checked)
        totals.add(checked)
        log.add(checked)
        report(raw.size)
    raw.drain()
    _check_enough(totals, limits)
    return Ingested(
        size=raw.size,
        sha256=raw.digest.hexdigest(),
        container=opened.reader.name,
        layout=layout,
        examples=totals.examples,
        examples_bytes=examples.size,
        examples_sha256=(examples.digest or raw.digest).hexdigest(),
        bad_lines=totals.bad_lines,
        faulty_examples=totals.faulty,
        problems=tuple(totals.problems),
        groups=log.finished(),
    )


def ingest_files(
    source: BinaryIO,
    examples: BinaryIO,
    problems: BinaryIO,
    problem_index: BinaryIO,
    limits: Limits,
    layout: Layout | None,
    report: Progress,
) -> Ingested:
    """`ingest` for another process: files are sent one by one."""
    targets = Targets(examples, problems, problem_index)
    return ingest(source, targets, limits, layout, report)


def _is_kept(opened: Source) -> bool:
    """Whether the examples are identical to the upload as long as every row is
    valid."""
    return opened.is_plain and not opened.has_mark


def _opened(source: BinaryIO, limits: Limits) -> Source:
    return open_rows(
        source, max_row_bytes=limits.max_row_bytes, max_bytes=limits.max_bytes
    )


def _digest_of_first(source: BinaryIO, size: int) -> "hashlib._Hash":
    """The SHA-256 of bytes that were read before; keeps the position in `source`."""
    digest, place = hashlib.sha256(), source.tell()
    source.seek(0)
    while size and (data := source.read(min(size, BATCH_BYTES))):
        digest.update(data)
        size -= len(data)
    source.seek(place)
    return digest


@dataclass(frozen=True)
class SampleRow:
    row: dict[str, Any]
    example: dict[str, Any]


def sample(source: BinaryIO, limits: Limits, layout: Layout) -> SampleRow:
    """The first row that is valid in `layout`, before and after conversion."""
    opened = _opened(source, limits)
    batches, layout = with_layout(opened, layout)
    rows = chain.from_iterable(map(rows_of, batches))
    problem = "there is no row"
    for row in islice(rows, ROWS_FOR_LAYOUT):
        value = _object(row)
        if value is None:
            continue
        try:
            example = convert(value, layout.columns)
        except Fault as fault:
            problem = fault.sentence
            continue
        if layout.columns == columns.CHAT.columns:
            example = value
        if not (faults := examine(example)[1]):
            return SampleRow(value, example)
        problem = faults[0].sentence
    raise InvalidInput(
        f"With this mapping none of the first {ROWS_FOR_LAYOUT} rows is an example: "
        f"{problem}"
    )


def with_layout(
    source: Source, layout: Layout | None
) -> tuple[Iterator[Batch], Layout]:
    """The batches again, and the layout: the given one, or the one of the first
    rows."""
    seen: list[Batch] = []
    rows = 0
    names: tuple[str, ...] = ()
    for batch in source.batches:
        seen.append(batch)
        for value in map(_object, rows_of(batch)[: ROWS_FOR_LAYOUT - rows]):
            rows += 1
            if value is not None:
                names = names or tuple(value)
                layout = layout or columns.layout_of(value)
            if layout and names:
                break
        if (layout and names) or rows == ROWS_FOR_LAYOUT:
            break
    if layout is not None and layout.form == "mapped" and names:
        columns.check_names(layout, names)
    if layout is None and source.reader.has_columns and names:
        raise columns.unknown(names)
    return chain(seen, source.batches), layout or columns.CHAT


def _object(row: SourceRow) -> dict[str, object] | None:
    try:
        value = decode(row.text) if row.text else None
    except (Fault, UnicodeDecodeError):
        return None
    return value if isinstance(value, dict) else None


def _check_enough(totals: _Totals, limits: Limits) -> None:
    valid, bad = totals.examples, totals.bad_lines
    if not valid and not bad:
        raise InvalidInput(
            "The file is empty; expected one JSON object a line, such as "
            '{"messages": [{"role": "user", "content": "..."}, '
            '{"role": "assistant", "content": "..."}]}; choose a file that has some.'
        )
    if valid < limits.min_examples or valid < VALID_SHARE_NEEDED * (valid + bad):
        problems = [
            f"{valid:,} of {valid + bad:,} lines can be trained on; needed are at "
            f"least {limits.min_examples:,} and {VALID_SHARE_NEEDED:.0%} of all.",
            *map(str, totals.problems),
        ]
        named = len({problem.line for problem in totals.problems})
        if bad > named:
            problems[-1] += f" And {bad - named:,} more."
        raise InvalidInput(" ".join(problems), problems=problems)


class _Hashed(io.RawIOBase, BinaryIO):
    """Computes SHA-256 and size of what is read, whatever seeks happen in between."""

    def __init__(self, source: BinaryIO) -> None:
        self.source = source
        self.digest = hashlib.sha256()
        self.size = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self.source.seek(offset, whence)

    def tell(self) -> int:
        return self.source.tell()

    def read(self, size: int = -1) -> bytes:
        start = self.source.tell()
        data = self.source.read(size)
        fresh = data[max(self.size - start, 0) :] if start <= self.size else b""
        self.digest.update(fresh)
        self.size += len(fresh)
        return data

    def drain(self) -> None:
        while self.read(1 << 20):
            continue
