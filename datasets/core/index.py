"""One fixed-size record per example: any page of any file costs one seek.

The index file is an array of `RECORD`; its position is the example's index.
"""

import os
from array import array
from collections.abc import Callable
from functools import partial
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from datasets.core.measure import DIGEST_BYTES, Measured

RECORD = np.dtype(
    [
        ("offset", "<u8"),  # of the example's line in the examples file, bytes
        ("length", "<u4"),  # of that line without its line feed, bytes
        ("tokens", "<u4"),
        ("first", "<u4"),  # index of the first identical example, else its own
    ]
)


class IndexBuilder:
    """Collects the records of one file: 36 bytes of memory an example."""

    def __init__(self) -> None:
        self.lengths = array("I")
        self.tokens = array("I")
        self.digests = bytearray()

    def add(self, measured: Measured) -> None:
        self.lengths.extend(measured.lengths)
        self.tokens.extend(measured.tokens)
        self.digests += measured.digests

    def build(self) -> NDArray[np.void]:
        records = np.zeros(len(self.lengths), RECORD)
        records["length"] = self.lengths
        records["tokens"] = self.tokens
        ends = np.cumsum(records["length"].astype("<u8") + 1)  # 1: the line feed
        records["offset"][1:] = ends[:-1]
        records["first"] = _first_equal(self.digests)
        return records


def _first_equal(digests: bytearray) -> NDArray[np.uint32]:
    """For each digest the position of the first equal one."""
    keys = np.frombuffer(digests, np.dtype(f"V{DIGEST_BYTES}"))
    halves = keys.view(np.dtype([("a", "<u8"), ("b", "<u8")]))
    order = np.lexsort((halves["b"], halves["a"]))  # stable: earlier ones stay first
    ordered = halves[order]
    starts = np.ones(len(order), bool)
    starts[1:] = ordered[1:] != ordered[:-1]
    group = np.cumsum(starts, dtype=np.uint32) - 1
    first = np.empty(len(order), np.uint32)
    first[order] = order[starts][group]
    return first


LineAt = Callable[[int, int], bytes]  # the example at an offset with a length


def lines_of(examples: BinaryIO) -> LineAt:
    """Reads single lines of a file, from the disk at a third of the price of a seek."""
    try:
        number = examples.fileno()
    except OSError:  # in memory
        return partial(_line_at, examples)
    return lambda offset, length: os.pread(number, length, offset)


def _line_at(examples: BinaryIO, offset: int, length: int) -> bytes:
    examples.seek(offset)
    return examples.read(length)


KeyOf = Callable[[bytes], bytes]  # equal for lines that are the same conversation


def confirmed(
    records: NDArray[np.void], line_at: LineAt, key_of: KeyOf
) -> NDArray[np.void]:
    """The records with each copy compared to its first: digests may collide."""
    offsets, lengths = records["offset"], records["length"]
    copies = np.flatnonzero(records["first"] != np.arange(len(records)))
    firsts = records["first"][copies]
    known, its_line = -1, b""
    # Many are of the same first; they come together, and it is read once.
    for at in np.argsort(firsts, kind="stable"):
        copy, first = copies[at], firsts[at]
        if first != known:
            known, its_line = first, line_at(int(offsets[first]), int(lengths[first]))
        line = line_at(int(offsets[copy]), int(lengths[copy]))
        if line != its_line and key_of(line) != key_of(its_line):
            records["first"][copy] = copy
    return records


def read_records(file: BinaryIO, start: int, count: int) -> NDArray[np.void]:
    """Records of the examples `start` to `start + count`, fewer at the end."""
    file.seek(start * RECORD.itemsize)
    return np.frombuffer(file.read(count * RECORD.itemsize), RECORD)


def duplicates(file: BinaryIO) -> list[int]:
    """Indices of every later copy of an earlier example, ascending."""
    first = np.frombuffer(file.read(), RECORD)["first"]
    found: list[int] = np.flatnonzero(first != np.arange(len(first))).tolist()
    return found
