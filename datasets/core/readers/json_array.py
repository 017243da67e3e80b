"""One JSON array → its elements, cut apart without being decoded."""

import re
from collections.abc import Iterator

from datasets.core.readers.reader import Content, Reader
from datasets.core.readers.rows import JSON_SPACE, SourceRow
from datasets.core.readers.streams import CHUNK_BYTES
from slmgen.errors import InvalidInput

# Everything that opens, closes or separates in JSON; a whole string counts as one. One
# whose end has not been read yet takes all that follows, or each quote inside it would
# be tried as a beginning.
STRUCTURE = re.compile(
    rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[{}\[\],]|(?P<open>".*+)', re.DOTALL
)


def elements(content: Content) -> Iterator[SourceRow]:
    scan, limit = _ArrayScan(), content.max_row_bytes
    while chunk := content.stream.read1(CHUNK_BYTES):
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

    def feed(self, chunk: bytes) -> Iterator[SourceRow]:
        buffer = self.rest + chunk
        start = 0  # of the element that is open
        position = self.seen
        for match in STRUCTURE.finditer(buffer, position):
            token = match[0]
            if match.lastgroup == "open":  # the string's end is in a later chunk
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

    def _row(self, text: bytes) -> Iterator[SourceRow]:
        element = text.strip(JSON_SPACE)
        if element:
            before = text[: text.index(element)]
            line = self.line + before.count(b"\n")
            flat = element.replace(b"\n", b" ").replace(b"\r", b" ")
            yield SourceRow(line, self.offset + len(before), flat)

    def _pass(self, text: bytes) -> None:
        self.line += text.count(b"\n")
        self.offset += len(text)


JSON_ARRAY = Reader(
    "JSON array",
    sniff=lambda head: head.lstrip(JSON_SPACE).startswith(b"["),
    rows=elements,
)
