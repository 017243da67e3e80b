"""Every file format that is read. One more is a module with its Reader, and a place in
this tuple; what it is called and how its rows are counted is taken from here."""

from collections.abc import Iterator

from datasets.core.readers.delimited import CSV, TSV
from datasets.core.readers.json_array import JSON_ARRAY
from datasets.core.readers.json_lines import JSON_LINES
from datasets.core.readers.reader import Content, Reader
from datasets.core.readers.rows import SourceRow


def _parquet_rows(content: Content) -> Iterator[SourceRow]:
    # Imported when needed: Arrow nearly doubles a process's memory.
    from datasets.core.readers import parquet

    return parquet.rows(content.stream, content.max_row_bytes, content.max_bytes)


PARQUET = Reader(
    "Parquet",
    sniff=lambda head: head.startswith(b"PAR1"),
    rows=_parquet_rows,
    unit="Row",
    has_columns=True,
    is_packed=True,
)

# As they are tried: tables, which nearly any text could be, come last.
READERS: tuple[Reader, ...] = (JSON_LINES, JSON_ARRAY, PARQUET, CSV, TSV)


def reader_of(head: bytes) -> Reader:
    """By the first bytes of a file. JSON Lines are what no other format is: its errors
    say what was expected."""
    return next((reader for reader in READERS if reader.sniff(head)), JSON_LINES)


def row_name_of(name: str) -> str:
    """What a row is called in a dataset of the format with this name."""
    return next((each.row_name for each in READERS if each.name == name), "row")


def names(*, with_columns: bool | None = None) -> list[str]:
    """Of all formats, or of those whose rows have columns, or have none."""
    return [
        reader.name for reader in READERS if with_columns in (None, reader.has_columns)
    ]


def any_name() -> str:
    """Such as "JSON Lines, CSV or Parquet"."""
    *others, last = names()
    return f"{', '.join(others)} or {last}"
