"""An upload → rows of JSON text, whatever they were wrapped in.

Read are the formats of `formats.READERS`; text in UTF-8 or (with a byte order mark)
UTF-16, plain or gzipped. Told apart by content; memory does not grow with the file.
"""

import codecs
import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from typing import BinaryIO

from datasets.core.readers import formats
from datasets.core.readers.reader import Content, Reader
from datasets.core.readers.rows import Batch, SourceRow, batches, rows_of
from datasets.core.readers.streams import (
    CHUNK_BYTES,
    GZIP_MAGIC,
    Limited,
    as_utf8,
    buffered,
    unpacked,
)
from slmgen.errors import InvalidInput

HEAD_BYTES = 64  # enough to recognize what is packed


@dataclass(frozen=True)
class Source:
    """The rows of an upload and what they were wrapped in."""

    reader: Reader
    batches: Iterator[Batch]
    is_plain: bool  # lines are in the stream as they are here
    has_mark: bool  # a byte order mark of UTF-8 before them

    @property
    def rows(self) -> Iterator[SourceRow]:
        return chain.from_iterable(map(rows_of, self.batches))


def open_rows(stream: BinaryIO, *, max_row_bytes: int, max_bytes: int) -> Source:
    """The rows of `stream`, at most `max_bytes` of text.

    Raises InvalidInput and TooLarge, now or while the rows are read.
    """
    with _readable_gzip():
        decoded = as_utf8(unpacked(stream))
        text = buffered(Limited(decoded, max_bytes))
        skipped = 0
        if text.peek(3)[:3] == codecs.BOM_UTF8:
            skipped = len(text.read(3))
        reader = formats.reader_of(text.peek(CHUNK_BYTES))
        rows = reader.rows(Content(text, max_row_bytes, max_bytes, skipped))
        return Source(reader, _guarded(batches(rows)), decoded is stream, skipped > 0)


def is_packed(file: BinaryIO) -> bool:
    """Whether a few bytes of the file may stand for many."""
    file.seek(0)
    head = file.read(HEAD_BYTES)
    file.seek(0)
    return head.startswith(GZIP_MAGIC) or formats.reader_of(head).is_packed


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
