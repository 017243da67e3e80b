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
from dataclasses import dataclass
from typing import BinaryIO

from datasets.core import arrays, tables
from datasets.core.rows import Row, too_long
from datasets.core.streams import CHUNK_BYTES, Limited, as_utf8, buffered, unpacked
from slmgen.errors import InvalidInput

JSON_SPACE = b" \t\r\n"
PARQUET_MAGIC = b"PAR1"


@dataclass(frozen=True)
class Source:
    """The rows of an upload and what they were wrapped in."""

    container: str  # "JSON Lines", "JSON array", "CSV", "TSV" or "Parquet"
    rows: Iterator[Row]

    @property
    def unit(self) -> str:
        """What `Row.line` counts."""
        return "Row" if self.container == "Parquet" else "Line"


def open_rows(stream: BinaryIO, *, max_row_bytes: int, max_bytes: int) -> Source:
    """The rows of `stream`, at most `max_bytes` of text.

    Raises InvalidInput and TooLarge, now or while the rows are read.
    """
    with _readable_gzip():
        plain = unpacked(stream)
        if _is_parquet(plain):
            # Imported when needed: Arrow nearly doubles a process's memory.
            from datasets.core import parquet

            rows = parquet.rows(plain, max_row_bytes, max_bytes)
            return Source("Parquet", _guarded(rows))
        text = buffered(Limited(as_utf8(plain), max_bytes))
        skipped = 0
        if text.peek(3)[:3] == codecs.BOM_UTF8:
            skipped = len(text.read(3))
        return _text_source(text, max_row_bytes, skipped)


def _is_parquet(stream: BinaryIO) -> bool:
    magic = stream.read(len(PARQUET_MAGIC))
    stream.seek(0)
    return magic == PARQUET_MAGIC


def _text_source(text: io.BufferedReader, limit: int, skipped: int) -> Source:
    head = text.peek(CHUNK_BYTES)
    if head.lstrip(JSON_SPACE)[:1] == b"[":
        rows = arrays.elements(text, limit, CHUNK_BYTES)
        return Source("JSON array", _guarded(rows))
    if delimiter := tables.delimiter_of(head):
        container = "TSV" if delimiter == "\t" else "CSV"
        return Source(container, _guarded(tables.rows(text, delimiter, limit, skipped)))
    return Source("JSON Lines", _guarded(_lines(text, limit, skipped)))


def _guarded(rows: Iterator[Row]) -> Iterator[Row]:
    with _readable_gzip():
        yield from rows


@contextmanager
def _readable_gzip() -> Iterator[None]:
    try:
        yield
    except (gzip.BadGzipFile, EOFError, zlib.error):
        raise InvalidInput(
            "The gzip file is damaged or cut off; expected one that unpacks to its "
            "end; compress the file again and upload it."
        ) from None


def _lines(stream: io.BufferedReader, limit: int, offset: int) -> Iterator[Row]:
    number = 0
    while line := stream.readline(limit + 1):
        number += 1
        start, size = offset, len(line)
        cut = size > limit and not line.endswith(b"\n")
        while cut and not line.endswith(b"\n"):
            line = stream.readline(CHUNK_BYTES)
            size += len(line)
            if not line:
                break
        offset += size
        if cut:
            yield Row(number, start, b"", too_long(limit))
        elif text := line.strip(JSON_SPACE):
            yield Row(number, start + line.index(text), text)
