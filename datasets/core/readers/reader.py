"""A file format: how it is recognized, what cuts it into rows and what it is called."""

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from datasets.core.readers.rows import LineBlock, SourceRow


@dataclass(frozen=True)
class Content:
    """What a reader cuts into rows: unpacked, and text as UTF-8."""

    stream: io.BufferedReader
    max_row_bytes: int
    max_bytes: int  # of all rows as JSON text
    offset: int = 0  # bytes before the stream: a byte order mark


@dataclass(frozen=True)
class Reader:
    name: str  # on pages, in the API, and stored with each dataset
    sniff: Callable[[bytes], bool]  # by the first bytes, 256 kB at most
    rows: Callable[[Content], Iterator[SourceRow | LineBlock]]
    unit: Literal["Line", "Row"] = "Line"  # what `SourceRow.line` counts
    row_name: Literal["line", "row"] = "row"  # what progress counts
    has_columns: bool = False  # every row has the same keys
    is_packed: bool = False  # a few bytes may stand for many rows
