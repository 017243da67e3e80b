"""CSV and TSV → one JSON object a row, keyed by the names in the first line."""

import codecs
import csv
import io
from collections.abc import Iterator

import msgspec

from datasets.core.faults import catalog
from datasets.core.faults.fault import Fault
from datasets.core.layouts.columns import MAX_NAME_CHARACTERS
from datasets.core.readers.reader import Content, Reader
from datasets.core.readers.rows import SourceRow, too_long
from datasets.core.readers.streams import CHUNK_BYTES, not_text
from slmgen.errors import InvalidInput

DELIMITERS = ("\t", ",", ";")
JSON_SIGNS = frozenset("{}[]:")
MAX_COLUMNS = 64

csv.field_size_limit(2**31 - 1)  # a row has a limit of its own


def delimiter_of(head: bytes) -> str | None:
    """What separates the cells of the first line; None when it is no table's."""
    line = codecs.decode(head.lstrip(b"\r\n").partition(b"\n")[0], errors="replace")
    for delimiter in sorted(DELIMITERS, key=line.count, reverse=True):
        names = _cells(line, delimiter)
        if len(names) > 1 and all(map(_is_name, names)):
            return delimiter
    return None


def _cells(line: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([line.rstrip("\r")], delimiter=delimiter), [])
    except csv.Error:
        return []


def _is_name(cell: str) -> bool:
    return len(cell) <= MAX_NAME_CHARACTERS and not JSON_SIGNS & set(cell)


def rows(content: Content) -> Iterator[SourceRow]:
    """Raises InvalidInput for names that are no names and a quote that never ends."""
    limit = content.max_row_bytes
    delimiter = delimiter_of(content.stream.peek(CHUNK_BYTES)) or ","
    lines = _Lines(content.stream, limit, content.offset)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    names: list[str] = []
    while True:
        lines.begin_row()
        try:
            cells = next(reader, None)
        except csv.Error as error:
            yield SourceRow(lines.first, lines.offset, b"", _malformed(error))
            continue
        if cells is None:
            return
        if not cells:
            continue
        if names:
            yield _row(lines, names, cells, limit)
        else:
            names = _names(cells, lines.first)


def _row(lines: "_Lines", names: list[str], cells: list[str], limit: int) -> SourceRow:
    if len(cells) != len(names):
        return SourceRow(
            lines.first, lines.offset, b"", _uneven(len(cells), len(names))
        )
    if lines.row_bytes > limit:
        return SourceRow(lines.first, lines.offset, b"", too_long(limit))
    text = msgspec.json.encode(dict(zip(names, cells, strict=True)))
    return SourceRow(lines.first, lines.offset, text)


def _names(cells: list[str], line: int) -> list[str]:
    if len(cells) > MAX_COLUMNS:
        raise InvalidInput(
            f"Line {line:,}: {len(cells):,} columns; at most {MAX_COLUMNS} are read, "
            "remove those that are not needed."
        )
    if any(len(cell) > MAX_NAME_CHARACTERS for cell in cells):
        raise InvalidInput(
            f"Line {line:,}: a column has a name of more than {MAX_NAME_CHARACTERS} "
            "characters; give every column a short name, and close every quote."
        )
    names = [cell.strip() for cell in cells]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InvalidInput(
            f"Line {line:,}: the column {twice!r} occurs twice; give every column a "
            "name of its own."
        )
    return names


def _malformed(error: csv.Error) -> Fault:
    return Fault(catalog.TABLE, found=f"a row whose quotes do not fit ({error})")


def _uneven(found: int, expected: int) -> Fault:
    return Fault(
        catalog.TABLE,
        found=f"{found} {'cell' if found == 1 else 'cells'}",
        expected=f"{expected}, as many as the first line has names",
        fix="quote cells that hold the separator or a line break",
    )


class _Lines:
    """Physical lines as text; knows where the row being read began."""

    def __init__(self, stream: io.BufferedReader, limit: int, offset: int) -> None:
        self.stream = stream
        self.limit = limit
        self.next_offset = offset
        self.number = 0  # lines read so far
        self.begin_row()

    def begin_row(self) -> None:
        self.first = self.number + 1
        self.offset = self.next_offset
        self.row_bytes = 0

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line = self.stream.readline(self.limit + 1)
        if not line:
            raise StopIteration
        self.number += 1
        self.row_bytes += len(line)
        if self.row_bytes > 2 * self.limit:
            raise InvalidInput(
                f"Line {self.first:,}: the row that begins here is larger than "
                f"{self.limit // 10**6} MB; close its quote or split it."
            )
        try:
            text = line.decode()
        except UnicodeDecodeError as error:
            raise not_text("UTF-8", self.next_offset + error.start) from None
        self.next_offset += len(line)
        return text


CSV = Reader(
    "CSV",
    sniff=lambda head: delimiter_of(head) in {",", ";"},
    rows=rows,
    has_columns=True,
)
TSV = Reader(
    "TSV",
    sniff=lambda head: delimiter_of(head) == "\t",
    rows=rows,
    has_columns=True,
)
