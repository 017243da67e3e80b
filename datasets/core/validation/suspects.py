"""Which rows of a batch may have a fault: all that are not certain to have none."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from datasets.core.readers.rows import Batch, LineBlock, SourceRow
from datasets.core.validation.native import BLANK, CLEAN, judge


class Suspects(NamedTuple):
    """The rows of a batch, and those that must be looked at."""

    size: int
    rows: list[tuple[int, SourceRow]]  # with their places among all
    is_all: bool  # whether all rows, one a line, are all that there is in the batch
    texts: Callable[[], list[bytes]]  # of all rows


def suspects_of(batch: Batch, *, is_chat: bool) -> Suspects:
    """Native code is certain of many rows that are to be conversations as they are."""
    if not isinstance(batch, LineBlock):
        return _all(batch, is_all=False)
    lines = judge(batch.text) if is_chat else None
    if lines is not None:
        return _uncertain(batch, lines)
    rows = batch.rows()
    size = sum([len(row.text) for row in rows])
    return _all(rows, is_all=_is_all(batch, size, len(rows)))


def _all(rows: list[SourceRow], *, is_all: bool) -> Suspects:
    return Suspects(
        size=len(rows),
        rows=list(enumerate(rows)),
        is_all=is_all,
        texts=lambda: [row.text for row in rows],
    )


def _uncertain(batch: LineBlock, lines: NDArray[np.void]) -> Suspects:
    numbers = np.flatnonzero(lines["kind"] != BLANK)
    kept = lines[numbers]
    places = np.flatnonzero(kept["kind"] != CLEAN)
    found = kept[places]
    rows = map(
        SourceRow,
        (batch.line + numbers[places]).tolist(),
        (batch.offset + found["start"].astype(np.int64)).tolist(),
        _texts(batch.text, found),
    )
    return Suspects(
        size=len(kept),
        rows=list(zip(places.tolist(), rows, strict=True)),
        is_all=_is_all(batch, int(kept["size"].sum()), len(kept)),
        texts=partial(_texts, batch.text, kept),
    )


def _is_all(batch: LineBlock, size: int, rows: int) -> bool:
    """Whether rows of this size together, a line feed after each, are the batch."""
    # A blank line weighs as much as a line feed that is missing at the end.
    return size + rows == len(batch.text) and batch.text.endswith(b"\n")


def _texts(text: bytes, lines: NDArray[np.void]) -> list[bytes]:
    starts, sizes = lines["start"].tolist(), lines["size"].tolist()
    return [text[at : at + size] for at, size in zip(starts, sizes, strict=True)]
