"""A file format: its name, how to recognize it, and the function that reads its
rows."""

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from datasets.core.readers.rows import LineBlock, SourceRow


@dataclass(frozen=True)
class Content:
    """The input of a reader: decompressed, and text as UTF-8."""

    stream: io.BufferedReader
    max_row_bytes: int
    max_bytes: int  # of all rows together, as JSON text
    offset: int = 0  # bytes before the stream, such as a byte order mark


@dataclass(frozen=True)
class Reader:
    name: str  # on pages, in the API, and stored with each dataset
    sniff: Callable[[bytes], bool]  # from the first bytes, 256 kB at most
    rows: Callable[[Content], Iterator[SourceRow | LineBlock]]
    unit: Literal["Line", "Row"] = "Line"  # the unit of `SourceRow.line`
    row_name: Literal["line", "row"] = "row"  # the unit of progress
    has_columns: bool = False  # every row has the same keys
    is_packed: bool = False  # compressed: few bytes may become many rows
