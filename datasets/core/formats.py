"""Bytes as uploaded → rows of JSON text, whatever they were wrapped in.

Read are JSON Lines and one JSON array, in UTF-8 or (with a byte order mark) UTF-16,
plain or gzipped. Told apart by content; memory does not grow with the file.
"""

import codecs
import gzip
import io
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from slmgen.errors import InvalidInput, TooLarge

CHUNK_BYTES = 256 * 1024
JSON_SPACE = b" \t\r\n"
GZIP_MAGIC = b"\x1f\x8b"
UTF_16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)

# Everything that opens, closes or separates in JSON; a whole string counts as one, and
# a quote alone is a string whose end has not been read yet.
STRUCTURE = re.compile(
    rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[{}\[\],]|"', re.DOTALL
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """JSON text and the line of the file (from 1) that it starts on."""

    line: int
    offset: int  # bytes from the start of the (unpacked, UTF-8) text
    text: bytes | None  # None: longer than allowed, skipped


def read_rows(stream: BinaryIO, *, max_row_bytes: int, max_bytes: int) -> Iterator[Row]:
    """Rows of `stream`, at most `max_bytes` of text. Raises InvalidInput, TooLarge."""
    try:
        yield from _rows(_as_utf8(_unpacked(stream)), max_row_bytes, max_bytes)
    except (gzip.BadGzipFile, EOFError, zlib.error):
        raise InvalidInput(
            "The gzip file is damaged or cut off; compress it again."
        ) from None


def _rows(stream: BinaryIO, max_row_bytes: int, max_bytes: int) -> Iterator[Row]:
    buffered = _buffered(_Limited(stream, max_bytes))
    skipped = 0
    if buffered.peek(3)[:3] == codecs.BOM_UTF8:
        skipped = len(buffered.read(3))
    if _first_character(buffered) == b"[":
        yield from _elements(buffered, max_row_bytes)
    else:
        yield from _lines(buffered, max_row_bytes, skipped)


def _unpacked(stream: BinaryIO) -> BinaryIO:
    magic = stream.read(2)
    stream.seek(0)
    if magic != GZIP_MAGIC:
        return stream
    return gzip.GzipFile(fileobj=stream, mode="rb")  # type: ignore[return-value]  # is one in all that we call


def _as_utf8(stream: BinaryIO) -> BinaryIO:
    head = stream.read(4)
    stream.seek(0)
    if head[:2] in UTF_16_MARKS:
        return _buffered(_Transcoded(stream))
    return stream


def _buffered(raw: io.RawIOBase) -> io.BufferedReader:
    return io.BufferedReader(raw, CHUNK_BYTES)


class _Limited(io.RawIOBase):
    """Stops a small file that unpacks to a huge one."""

    def __init__(self, stream: BinaryIO, max_bytes: int) -> None:
        self.stream = stream
        self.left = self.max_bytes = max_bytes

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]  # typeshed wants a private type
        data = self.stream.read(len(buffer))
        self.left -= len(data)
        if self.left < 0:
            raise TooLarge(
                f"The file unpacks to more than {self.max_bytes // 10**6} MB, the most "
                "this server takes; split it."
            )
        buffer[: len(data)] = data
        return len(data)


class _Transcoded(io.RawIOBase):
    """UTF-16 read as UTF-8."""

    def __init__(self, stream: BinaryIO) -> None:
        self.stream = stream
        self.decoder = codecs.getincrementaldecoder("utf-16")()
        self.offset = 0
        self.ready = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]  # typeshed wants a private type
        while not self.ready:
            data = self.stream.read(CHUNK_BYTES)
            self.ready = self._decoded(data).encode()
            if not data:
                break
        part, self.ready = self.ready[: len(buffer)], self.ready[len(buffer) :]
        buffer[: len(part)] = part
        return len(part)

    def _decoded(self, data: bytes) -> str:
        pending = len(self.decoder.getstate()[0])
        try:
            text = self.decoder.decode(data, final=not data)
        except UnicodeDecodeError as error:
            raise not_text("UTF-16", self.offset - pending + error.start) from None
        self.offset += len(data)
        return text


def not_text(encoding: str, offset: int) -> InvalidInput:
    return InvalidInput(
        f"The file is not {encoding} text: the byte at offset {offset:,} fits no "
        "character; save it as UTF-8 and upload it again."
    )


def _first_character(stream: io.BufferedReader) -> bytes:
    """The first byte that is not white space; what stands before it is kept."""
    return stream.peek(CHUNK_BYTES).lstrip(JSON_SPACE)[:1]


def _lines(stream: io.BufferedReader, limit: int, offset: int) -> Iterator[Row]:
    number = 0
    while line := stream.readline(limit + 1):
        number += 1
        start, size = offset, len(line)
        too_long = size > limit and not line.endswith(b"\n")
        while too_long and not line.endswith(b"\n"):
            line = stream.readline(CHUNK_BYTES)
            size += len(line)
            if not line:
                break
        offset += size
        if too_long:
            yield Row(number, start, None)
        elif text := line.strip(JSON_SPACE):
            yield Row(number, start + line.index(text), text)


def _elements(stream: io.BufferedReader, limit: int) -> Iterator[Row]:
    """The elements of one JSON array, cut apart without being decoded."""
    scan = _ArrayScan()
    while chunk := stream.read1(CHUNK_BYTES):
        yield from scan.feed(chunk)
        if len(scan.rest) > limit:
            raise InvalidInput(
                f"Line {scan.line:,}: an element of the array is larger than "
                f"{limit // 10**6} MB; split it."
            )
    if scan.depth != 0 or not scan.opened:
        raise InvalidInput(
            f"Line {scan.line:,}: the JSON array is not closed; the file seems to be "
            "cut off, upload all of it."
        )
    if scan.rest.strip(JSON_SPACE):
        raise InvalidInput(
            f"Line {scan.line:,}: text follows the end of the JSON array; expected "
            "one array of objects and nothing else."
        )


class _ArrayScan:
    def __init__(self) -> None:
        self.rest = b""  # read, and not yet part of an element that was given out
        self.seen = 0  # bytes of `rest` whose structure is known
        self.depth = 0
        self.opened = False
        self.line = 1
        self.offset = 0

    def feed(self, chunk: bytes) -> Iterator[Row]:
        buffer = self.rest + chunk
        start = 0  # of the element that is open
        position = self.seen
        for match in STRUCTURE.finditer(buffer, position):
            token = match[0]
            if token == b'"':  # the string's end is in a later chunk
                position = match.start()
                break
            position = match.end()
            if self._closes_element(token):
                yield from self._row(buffer[start : match.start()])
                self._pass(buffer[start:position])
                start = position
        else:
            position = len(buffer)
        self.rest = buffer[start:]
        self.seen = position - start

    def _closes_element(self, token: bytes) -> bool:
        if token in (b"[", b"{"):
            self.depth += 1
            if self.depth == 1 and not self.opened:
                self.opened = True
                return True
        elif token in (b"]", b"}"):
            self.depth -= 1
            return self.depth == 0
        return token == b"," and self.depth == 1

    def _row(self, text: bytes) -> Iterator[Row]:
        element = text.strip(JSON_SPACE)
        if element:
            before = text[: text.index(element)]
            line = self.line + before.count(b"\n")
            flat = element.replace(b"\n", b" ").replace(b"\r", b" ")
            yield Row(line, self.offset + len(before), flat)

    def _pass(self, text: bytes) -> None:
        self.line += text.count(b"\n")
        self.offset += len(text)
