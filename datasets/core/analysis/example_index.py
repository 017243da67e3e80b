"""The index of an examples file: fixed-size records, so a page costs one seek.

The file is an array of `RECORD`, in the order of the examples, followed by a table of
`LENGTH`: for each length, how many examples have at least that many tokens.
"""

import os
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from datasets.core.analysis.chunk import DIGEST_BYTES, ChunkStatistics

RECORD = np.dtype(
    [
        ("offset", "<u8"),  # of the example's line in the examples file, bytes
        ("length", "<u4"),  # of that line without its line feed, bytes
        ("tokens", "<u4"),
        ("first", "<u4"),  # index of the first identical example, or its own
        ("next", "<u4"),  # index of the next identical example, or its own
    ]
)
LENGTH = np.dtype([("tokens", "<u4"), ("at_least", "<u4")])  # ascending
CHUNK_RECORDS = 1 << 16
BLOCK_LENGTHS = 512  # read together


class IndexBuilder:
    """Collects the records of one file, in 36 bytes of memory an example."""

    def __init__(self) -> None:
        self.lengths = array("I")
        self.tokens = array("I")
        self.digests = bytearray()

    def add(self, measured: ChunkStatistics) -> None:
        self.lengths.extend(measured.lengths)
        self.tokens.extend(measured.tokens)
        self.digests += measured.digests

    def build(self) -> NDArray[np.void]:
        records = np.zeros(len(self.lengths), RECORD)
        records["length"] = self.lengths
        records["tokens"] = self.tokens
        ends = np.cumsum(records["length"].astype("<u8") + 1)  # + 1 for the line feed
        records["offset"][1:] = ends[:-1]
        records["first"] = _first_equal(self.digests)
        return records


def _first_equal(digests: bytearray) -> NDArray[np.uint32]:
    """For each digest, the position of the first equal one."""
    keys = np.frombuffer(digests, np.dtype(f"V{DIGEST_BYTES}"))
    halves = keys.view(np.dtype([("a", "<u8"), ("b", "<u8")]))
    # A stable sort keeps earlier ones first
    order = np.lexsort((halves["b"], halves["a"]))
    ordered = halves[order]
    starts = np.ones(len(order), bool)
    starts[1:] = ordered[1:] != ordered[:-1]
    group = np.cumsum(starts, dtype=np.uint32) - 1
    first = np.empty(len(order), np.uint32)
    first[order] = order[starts][group]
    return first


LineAt = Callable[[int, int], bytes]  # reads the line at an offset, with a length


def lines_of(examples: BinaryIO) -> LineAt:
    """Reads single lines; with pread, in a third of the time of a seek and a read."""
    try:
        number = examples.fileno()
    except OSError:  # in memory
        return partial(_line_at, examples)
    return lambda offset, length: os.pread(number, length, offset)


def _line_at(examples: BinaryIO, offset: int, length: int) -> bytes:
    examples.seek(offset)
    return examples.read(length)


KeyOf = Callable[[bytes], bytes]  # equal for lines that hold the same conversation


def confirmed(
    records: NDArray[np.void], line_at: LineAt, key_of: KeyOf
) -> NDArray[np.void]:
    """The records, with each duplicate compared to its first, because digests may
    collide."""
    offsets, lengths = records["offset"], records["length"]
    copies = np.flatnonzero(records["first"] != np.arange(len(records)))
    firsts = records["first"][copies]
    known, its_line = -1, b""
    # Sorted by their first example, so that each of those is read once.
    for at in np.argsort(firsts, kind="stable"):
        copy, first = copies[at], firsts[at]
        if first != known:
            known, its_line = first, line_at(int(offsets[first]), int(lengths[first]))
        line = line_at(int(offsets[copy]), int(lengths[copy]))
        if line != its_line and key_of(line) != key_of(its_line):
            records["first"][copy] = copy
    return records


def linked(records: NDArray[np.void]) -> NDArray[np.void]:
    """The records with `next` filled in from `first`."""
    places = np.arange(len(records))
    records["next"] = places
    copies = np.flatnonzero(records["first"] != places)
    same = np.union1d(copies, records["first"][copies])
    order = same[np.argsort(records["first"][same], kind="stable")]
    goes_on = records["first"][order[1:]] == records["first"][order[:-1]]
    records["next"][order[:-1][goes_on]] = order[1:][goes_on]
    return records


def size_of(rows: int, distinct_lengths: int) -> int:
    """Size of the whole index, in bytes."""
    return rows * RECORD.itemsize + distinct_lengths * LENGTH.itemsize


def to_bytes(records: NDArray[np.void]) -> bytes:
    return records.tobytes() + lengths_of(records["tokens"]).tobytes()


def read_records(file: BinaryIO, start: int, count: int) -> NDArray[np.void]:
    """The `count` records from `start` on, all of which must exist."""
    file.seek(start * RECORD.itemsize)
    return np.frombuffer(file.read(count * RECORD.itemsize), RECORD)


def chunks(
    file: BinaryIO, start: int, rows: int, size: int = CHUNK_RECORDS
) -> Iterator[tuple[int, NDArray[np.void]]]:
    """The records from `start` on, in chunks that double in size up to `CHUNK_RECORDS`,
    each with the index of its first record."""
    while start < rows:
        records = read_records(file, start, min(size, rows - start))
        yield start, records
        start += len(records)
        size = min(2 * size, CHUNK_RECORDS)


def duplicates(file: BinaryIO, rows: int) -> list[int]:
    """Indices of all duplicates of earlier examples, ascending."""
    found: list[int] = []
    for start, records in chunks(file, 0, rows):
        places = start + np.arange(len(records))
        found += places[records["first"] != places].tolist()
    return found


def later_copies(file: BinaryIO, place: int, record: Any, most: int) -> list[int]:
    """Indices of the duplicates of the example at `index`, ascending."""
    found: list[int] = []
    while len(found) < most and (following := int(record["next"])) > place:
        found.append(following)
        place, record = following, read_records(file, following, 1)[0]
    return found


def lengths_of(tokens: NDArray[np.unsignedinteger]) -> NDArray[np.void]:
    values, times = np.unique(tokens, return_counts=True)
    table = np.zeros(len(values), LENGTH)
    table["tokens"] = values
    table["at_least"] = np.cumsum(times[::-1])[::-1]
    return table


@dataclass
class ExampleLengths:
    """The table of lengths of an index of `rows` examples; reads single blocks of
    it."""

    file: BinaryIO
    rows: int
    distinct: int
    blocks: dict[int, NDArray[np.void]] = field(default_factory=dict)

    def longer(self, limit: int) -> int:
        """How many examples have more than `limit` tokens."""
        low, high = 0, -(-self.distinct // BLOCK_LENGTHS)
        while low < high:
            middle = (low + high) // 2
            block = self._block(middle)
            if block["tokens"][-1] <= limit:
                low = middle + 1
            elif block["tokens"][0] > limit:
                high = middle
            else:
                low = middle
                break
        if low * BLOCK_LENGTHS >= self.distinct:
            return 0
        block = self._block(low)
        at = int(np.searchsorted(block["tokens"], limit, "right"))
        return int(block["at_least"][at])

    def _block(self, number: int) -> NDArray[np.void]:
        if number not in self.blocks:
            start = number * BLOCK_LENGTHS
            count = min(BLOCK_LENGTHS, self.distinct - start)
            offset = self.rows * RECORD.itemsize + start * LENGTH.itemsize
            self.file.seek(offset)
            data = self.file.read(count * LENGTH.itemsize)
            self.blocks[number] = np.frombuffer(data, LENGTH)
        return self.blocks[number]
