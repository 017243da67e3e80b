"""The bytes of an upload, decompressed and as UTF-8, up to a limit."""

import codecs
import gzip
import io
from typing import BinaryIO

from slmgen.errors import InvalidInput, TooLarge

CHUNK_BYTES = 256 * 1024
GZIP_MAGIC = b"\x1f\x8b"
UTF_16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def unpacked(stream: BinaryIO) -> BinaryIO:
    magic = stream.read(2)
    stream.seek(0)
    if magic != GZIP_MAGIC:
        return stream
    return gzip.GzipFile(fileobj=stream, mode="rb")  # type: ignore[return-value]  # is one in all that we call


def as_utf8(stream: BinaryIO) -> BinaryIO:
    head = stream.read(4)
    stream.seek(0)
    if head[:2] in UTF_16_MARKS:
        return buffered(_Transcoded(stream))
    return stream


def buffered(raw: io.RawIOBase) -> io.BufferedReader:
    return io.BufferedReader(raw, CHUNK_BYTES)


class Limited(io.RawIOBase):
    """Stops a small file that decompresses to a huge one."""

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
                f"The file unpacks to more than {self.max_bytes // 10**6} MB; expected "
                "at most that much; split it."
            )
        buffer[: len(data)] = data
        return len(data)


class _Transcoded(io.RawIOBase):
    """Reads UTF-16 as UTF-8."""

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
        "character; expected UTF-8, or UTF-16 with a byte order mark; save it as UTF-8 "
        "and upload it again."
    )
