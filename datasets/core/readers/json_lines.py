"""JSON Lines → blocks of whole lines, which are cut apart where they are checked."""

import io
from collections.abc import Iterator

from datasets.core.readers.reader import Content, Reader
from datasets.core.readers.rows import (
    BATCH_BYTES,
    JSON_SPACE,
    LineBlock,
    SourceRow,
    line_feeds,
    too_long,
)
from datasets.core.readers.streams import CHUNK_BYTES


def rows(content: Content) -> Iterator[SourceRow | LineBlock]:
    stream, limit, offset = content.stream, content.max_row_bytes, content.offset
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
            yield SourceRow(line, offset + last, b"", too_long(limit))
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


JSON_LINES = Reader(
    "JSON Lines",
    sniff=lambda head: head.lstrip(JSON_SPACE).startswith(b"{"),
    rows=rows,
    row_name="line",
)
