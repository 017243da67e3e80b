"""Finds the rows of a batch that may have a fault; all others are certain to have
none."""

from collections.abc import Callable
from functools import cache, partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from datasets.core.readers.rows import Batch, LineBlock, SourceRow, rows_of
from datasets.core.validation.native import BLANK, CLEAN, DOUBTFUL, SIGNS, judge
from datasets.core.validation.text_rules import Sign, signs_of

# Place among all rows, row, the signs in it if they are known.
Suspect = tuple[int, SourceRow, set[Sign] | None]
NO_SIGNS: set[Sign] = set()


class Suspects(NamedTuple):
    """The rows of a batch, and those that need validation."""

    size: int
    rows: list[Suspect]
    is_all: bool  # whether all rows, one a line, are all that there is in the batch
    texts: Callable[[], list[bytes]]  # of all rows


def suspects_of(batch: Batch, *, is_chat: bool) -> Suspects:
    """Native code is certain of many rows that are to be conversations as they are."""
    if is_chat and isinstance(batch, LineBlock):
        lines = judge(batch.text)
        if lines is not None:
            return _uncertain(batch, lines)
    rows = rows_of(batch)
    texts = [row.text for row in rows]
    # Looked for in all rows at once, where their texts stay as they are.
    signs = signs_of(texts) if is_chat else {}
    default = NO_SIGNS if is_chat else None
    return Suspects(
        size=len(rows),
        rows=[(n, row, signs.get(n, default)) for n, row in enumerate(rows)],
        is_all=isinstance(batch, LineBlock)
        and _is_all(batch, sum(map(len, texts)), len(rows)),
        texts=lambda: texts,
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
    # Of a line of another form nothing is known.
    signs = [
        _signs_of_bits(bits) if kind == DOUBTFUL else None
        for kind, bits in zip(
            found["kind"].tolist(), found["signs"].tolist(), strict=True
        )
    ]
    return Suspects(
        size=len(kept),
        rows=list(zip(places.tolist(), rows, signs, strict=True)),
        is_all=_is_all(batch, int(kept["size"].sum()), len(kept)),
        texts=partial(_texts, batch.text, kept),
    )


@cache
def _signs_of_bits(bits: int) -> set[Sign]:
    return {sign for place, sign in enumerate(SIGNS) if bits >> place & 1}


def _is_all(batch: LineBlock, size: int, rows: int) -> bool:
    """Whether rows of this total size, each with a line feed, are the whole batch."""
    # A blank line counts as much as a line feed that is missing at the end.
    return size + rows == len(batch.text) and batch.text.endswith(b"\n")


def _texts(text: bytes, lines: NDArray[np.void]) -> list[bytes]:
    starts, sizes = lines["start"].tolist(), lines["size"].tolist()
    return [text[at : at + size] for at, size in zip(starts, sizes, strict=True)]
