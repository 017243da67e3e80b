"""An upload → rows of JSON text, whatever they were wrapped in.

Read are JSON Lines, one JSON array, CSV, TSV and Parquet; text in UTF-8 or (with a byte
order mark) UTF-16, plain or gzipped. Told apart by content; memory does not grow with
the file.
"""

import codecs
import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import chain
from typing import BinaryIO

from datasets.core.readers import delimited, json_array
from datasets.core.readers.rows import (
    BATCH_BYTES,
    JSON_SPACE,
    Batch,
    LineBlock,
    SourceRow,
    batches,
    line_feeds,
    rows_of,
    too_long,
)
from datasets.core.readers.streams import (
    CHUNK_BYTES,
    Limited,
    as_utf8,
    buffered,
    unpacked,
)
from slmgen.errors import InvalidInput

PARQUET_MAGIC = b"PAR1"


@dataclass(frozen=True)
class Source:
    """The rows of an upload and what they were wrapped in."""

    container: str  # "JSON Lines", "JSON array", "CSV", "TSV" or "Parquet"
    batches: Iterator[Batch]
    is_plain: bool = False  # lines are in the stream as they are here
    has_mark: bool = False  # a byte order mark of UTF-8 before them

    @property
    def rows(self) -> Iterator[SourceRow]:
        return chain.from_iterable(map(rows_of, self.batches))

    @property
    def unit(self) -> str:
        """What `SourceRow.line` counts."""
        return "Row" if self.container == "Parquet" else "Line"


def open_rows(stream: BinaryIO, *, max_row_bytes: int, max_bytes: int) -> Source:
    """The rows of `stream`, at most `max_bytes` of text.

    Raises InvalidInput and TooLarge, now or while the rows are read.
    """
    with _readable_gzip():
        plain = unpacked(stream)
        if _is_parquet(plain):
            # Imported when needed: Arrow nearly doubles a process's memory.
            from datasets.core.readers import parquet

            rows = parquet.rows(plain, max_row_bytes, max_bytes)
            return Source("Parquet", _guarded(batches(rows)))
        decoded = as_utf8(plain)
        text = buffered(Limited(decoded, max_bytes))
        skipped = 0
        if text.peek(3)[:3] == codecs.BOM_UTF8:
            skipped = len(text.read(3))
        found = _text_source(text, max_row_bytes, skipped)
        return replace(found, is_plain=decoded is stream, has_mark=skipped > 0)


def _is_parquet(stream: BinaryIO) -> bool:
    magic = stream.read(len(PARQUET_MAGIC))
    stream.seek(0)
    return magic == PARQUET_MAGIC


def _text_source(text: io.BufferedReader, limit: int, skipped: int) -> Source:
    head = text.peek(CHUNK_BYTES)
    if head.lstrip(JSON_SPACE)[:1] == b"[":
        rows = json_array.elements(text, limit, CHUNK_BYTES)
        return Source("JSON array", _guarded(batches(rows)))
    if delimiter := delimited.delimiter_of(head):
        container = "TSV" if delimiter == "\t" else "CSV"
        rows = delimited.rows(text, delimiter, limit, skipped)
        return Source(container, _guarded(batches(rows)))
    return Source("JSON Lines", _guarded(_lines(text, limit, skipped)))


def _guarded(found: Iterator[Batch]) -> Iterator[Batch]:
    with _readable_gzip():
        yield from found


@contextmanager
def _readable_gzip() -> Iterator[None]:
    try:
        yield
    except (gzip.BadGzipFile, EOFError, zlib.error):
        raise InvalidInput(
            "The gzip file is damaged or cut off; expected one that unpacks to its "
            "end; compress the file again and upload it."
        ) from None


def _lines(stream: io.BufferedReader, limit: int, offset: int) -> Iterator[Batch]:
    number = 1
    while text := stream.read(min(BATCH_BYTES, limit)):
        # Not longer than the limit, so that only its last line may be.
        text += b"" if text.endswith(b"\n") else stream.readline(limit + 1)
        ends = text.endswith(b"\n")
        last = text.rfind(b"\n", 0, -1) + 1
        if len(text) - last - ends <= limit:
            yield LineBlock(number, offset, text)
        else:
            yield LineBlock(number, offset, text[:last])
            line = number + text.count(b"\n") - ends
            yield [SourceRow(line, offset + last, b"", too_long(limit))]
            rest = 0 if ends else _skipped(stream)
            offset += rest
            number += rest > 0
        number += line_feeds(text)
        offset += len(text)


def _skipped(stream: io.BufferedReader) -> int:
    """The bytes to the end of the line, which are not kept."""
    size = 0
    while part := stream.readline(CHUNK_BYTES):
        size += len(part)
        if part.endswith(b"\n"):
            break
    return size
