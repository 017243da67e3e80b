"""Near duplicates: examples that say almost the same, as clusters.

Windows of eight bytes of the text are hashed, the smallest hashes by bin make a sketch
(one-permutation MinHash), and examples that share a band of their sketches are
candidates (LSH). A candidate counts only when its true similarity, the Jaccard index of
all windows, is high enough: nothing is reported because two sketches met by chance.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

WINDOW_BYTES = 8
BINS = 64
BAND_ROWS = 4
BANDS = BINS // BAND_ROWS
SIMILAR = 0.7
MIN_BYTES = 24  # shorter texts are alike by chance
MAX_TEXT_BYTES = 20_000  # what a sketch and a comparison look at
SAMPLED_BYTES = 800
NEIGHBORS = 2  # candidates of one band that an example is compared with
MIN_COMMON_BANDS = 2  # of 16; examples as alike as SIMILAR have four on average
KEPT_WINDOWS = 5_000  # neighbors are compared one after the other

U64 = NDArray[np.uint64]
EMPTY = np.uint64(2**64 - 1)
MIX = np.uint64(0x9E3779B97F4A7C15)
NONE = np.zeros(0, np.uint64)
MIX_BAND = np.uint64(0xFF51AFD7ED558CCD)


@dataclass(frozen=True)
class Cluster:
    members: tuple[int, ...]  # indices of examples, ascending
    similarity: float  # the lowest that joined a member to the others


def bands_of(encoded: Sequence[bytes]) -> U64:
    """One row of band hashes for each normal text; equal bands make candidates."""
    sketches = np.full((len(encoded), BINS), EMPTY)
    hashes, owners = _hashed_windows(encoded)
    bins = owners * BINS + (hashes >> np.uint64(58)).astype(np.intp)
    np.minimum.at(sketches.reshape(-1), bins, hashes)
    return _banded(_filled(sketches))


def normal(text: str) -> bytes:
    """Lower case with single blanks: what does not matter for being alike."""
    return " ".join(text[:MAX_TEXT_BYTES].lower().split()).encode(errors="replace")[
        :MAX_TEXT_BYTES
    ]


def _hashes(encoded: bytes) -> U64:
    """Of the window at each byte but the last seven."""
    count = max(len(encoded) - WINDOW_BYTES + 1, 0)
    words: U64 = np.ndarray((count,), "<u8", encoded, strides=(1,)) if count else NONE
    values = words * MIX
    values ^= values >> np.uint64(29)
    values *= MIX_BAND
    return values


def _hashed_windows(encoded: Sequence[bytes]) -> tuple[U64, NDArray[np.intp]]:
    """Hashes of all windows of all texts, and to which text each belongs."""
    lengths = np.array([len(text) for text in encoded], np.intp)
    values = _hashes(b"".join([*encoded, bytes(WINDOW_BYTES - 1)]))
    owners = np.repeat(np.arange(len(encoded)), lengths)
    ends = np.cumsum(lengths)
    inside = np.arange(len(owners)) <= ends[owners] - WINDOW_BYTES
    return values[inside], owners[inside]


def _filled(sketches: U64) -> U64:
    """Empty bins take what the next full one has, so short texts can be compared."""
    full = sketches != EMPTY
    for _ in range(2):  # the second round carries over the edge
        for place in range(BINS - 1, -1, -1):
            following = (place + 1) % BINS
            take = ~full[:, place] & full[:, following]
            sketches[take, place] = sketches[take, following] + MIX
            full[take, place] = True
    return sketches


def _banded(sketches: U64) -> U64:
    parts = sketches.reshape(len(sketches), BANDS, BAND_ROWS)
    bands = np.zeros((len(sketches), BANDS), np.uint64)
    for row in range(BAND_ROWS):
        bands = (bands ^ parts[:, :, row]) * MIX_BAND
        bands ^= bands >> np.uint64(32)
    return bands


Windows = U64  # each once, ascending
WindowsOf = Callable[[int], Windows]  # of the example at an index


def windows_of(text: str) -> Windows:
    """The hashed windows of one text; of a long one every fourth, chosen by hash."""
    encoded = normal(text)
    hashes = _hashes(encoded)
    if len(encoded) > SAMPLED_BYTES:
        hashes = hashes[hashes & np.uint64(3) == 0]
    return _distinct(hashes)


def _distinct(hashes: U64) -> U64:
    """As `np.unique`, which is slow for few."""
    ordered = np.sort(hashes)
    last = np.ones(len(ordered), bool)
    last[:-1] = ordered[1:] != ordered[:-1]
    return ordered[last]


def similarity(first: Windows, second: Windows) -> float:
    both = np.concatenate((first, second))
    both.sort()
    common = int(np.count_nonzero(both[1:] == both[:-1]))
    return common / max(len(first) + len(second) - common, 1)


def clusters(
    bands: U64, lengths: NDArray[np.intp], windows: WindowsOf
) -> list[Cluster]:
    """Groups of examples, each joined to another of its group by true similarity.

    `lengths` are of the normal texts; too short ones are in no group.
    """
    forest = _Forest(len(bands))
    tried: set[tuple[int, int]] = set()
    windows = lru_cache(KEPT_WINDOWS)(windows)
    eligible = np.flatnonzero(lengths >= MIN_BYTES)
    for place in range(bands.shape[1]):
        for first, second in _candidates(bands, place, eligible):
            pair = (first, second)
            if pair in tried or forest.root(first) == forest.root(second):
                continue
            tried.add(pair)
            alike = similarity(windows(first), windows(second))
            if alike >= SIMILAR:
                forest.join(first, second, alike)
    return forest.groups()


def _candidates(
    bands: U64, place: int, eligible: NDArray[np.intp]
) -> Iterator[tuple[int, int]]:
    """Each example with the next ones that have this band in common, and another."""
    order = eligible[np.argsort(bands[eligible, place], kind="stable")]
    ordered = bands[order]
    for step in range(1, NEIGHBORS + 1):
        same = ordered[step:, place] == ordered[:-step, place]
        places = np.flatnonzero(same)
        common = (ordered[places] == ordered[places + step]).sum(axis=1)
        places = places[common >= MIN_COMMON_BANDS]
        yield from zip(
            order[places].tolist(), order[places + step].tolist(), strict=True
        )


class _Forest:
    """Union-find over the examples that were joined."""

    def __init__(self, size: int) -> None:
        self.parent = np.arange(size)
        self.lowest: dict[int, float] = {}  # similarity, by root

    def root(self, member: int) -> int:
        while (above := int(self.parent[member])) != member:
            self.parent[member] = self.parent[above]
            member = above
        return member

    def join(self, first: int, second: int, alike: float) -> None:
        roots = sorted((self.root(first), self.root(second)))
        self.parent[roots[1]] = roots[0]
        known = [self.lowest.pop(root, 1.0) for root in roots]
        self.lowest[roots[0]] = min(*known, alike)

    def groups(self) -> list[Cluster]:
        members: dict[int, list[int]] = {root: [] for root in sorted(self.lowest)}
        for member in np.flatnonzero(
            self.parent != np.arange(len(self.parent))
        ).tolist():
            members[self.root(member)].append(member)
        return [
            Cluster((root, *rest), round(self.lowest[root], 3))
            for root, rest in members.items()
        ]
