"""One row of an upload, before anybody knows whether it is an example."""

from collections.abc import Callable, Iterable, Iterator

import msgspec
import numpy as np

from datasets.core.faults import catalog
from datasets.core.faults.fault import Fault

JSON_SPACE = b" \t\r\n"
LINE_FEED = 10
BATCH_BYTES = 1048576
BATCH_ROWS = 5_000

Progress = Callable[[int], None]  # is told how many bytes are done


def no_progress(done: int) -> None:
    """Progress that nobody wants to know."""


class SourceRow(msgspec.Struct, frozen=True, gc=False):
    """JSON text and the line of the file (from 1) that it starts on."""

    line: int
    offset: int  # bytes from the start of the (unpacked, UTF-8) text
    text: bytes
    fault: Fault | None = None  # why there is no text


class LineBlock(msgspec.Struct, frozen=True, gc=False):
    """Whole lines of a file, cut apart only by who looks at them."""

    line: int
    offset: int
    text: bytes

    @property
    def examples(self) -> list[bytes]:
        """Of a canonical file, where every line is one."""
        lines = self.text.split(b"\n")
        lines.pop()
        return lines

    def rows(self) -> list[SourceRow]:
        """Blank lines are none."""
        found = []
        number, offset = self.line, self.offset
        for line in self.text.split(b"\n"):
            if text := line.strip(JSON_SPACE):
                before = len(line) - len(line.lstrip(JSON_SPACE))
                found.append(SourceRow(number, offset + before, text))
            number += 1
            offset += len(line) + 1
        return found


Batch = LineBlock | list[SourceRow]


def rows_of(batch: Batch) -> list[SourceRow]:
    return batch.rows() if isinstance(batch, LineBlock) else batch


def line_feeds(text: bytes) -> int:
    """`text.count(b"\\n")`, which takes several times longer."""
    return int(np.count_nonzero(np.frombuffer(text, np.uint8) == LINE_FEED))


def batches(rows: Iterable[SourceRow | LineBlock]) -> Iterator[Batch]:
    """Rows by about a megabyte; a block of lines is one already."""
    batch: list[SourceRow] = []
    size = 0
    for row in rows:
        if isinstance(row, SourceRow):
            batch.append(row)
            size += len(row.text)
            if size < BATCH_BYTES and len(batch) < BATCH_ROWS:
                continue
        if batch:
            yield batch
            batch, size = [], 0
        if isinstance(row, LineBlock):
            yield row
    if batch:
        yield batch


def too_long(limit: int) -> Fault:
    return Fault(catalog.LENGTH, found=f"longer than {limit // 10**6} MB")
