"""Clusters of near-duplicates: examples with almost the same text.

Windows of the text's bytes are hashed, the smallest hash of each bin makes a sketch
(one-permutation MinHash, a few bits of each), and examples that share a band of their
sketches are candidates (LSH). A candidate counts only after a comparison of the texts:
by the Jaccard index of all windows or, where a text is so short that one word changes
most of its windows, by the share of characters that need no edit.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import xxhash
from numpy.typing import NDArray
from rapidfuzz.distance import Levenshtein

SIMILAR = 0.7  # share of windows
SIMILAR_SHORT = 0.8  # share of characters
SHORT_BYTES = 150
MIN_BYTES = 24  # shorter texts are similar by chance
MAX_TEXT_BYTES = 20_000  # of a text, for sketches and comparisons
SAMPLED_BYTES = 800
KEPT_TEXTS = 10_000  # neighbors are compared one after the other
PAIRS_AT_ONCE = 50_000
STEPS_OF_LIKELIHOOD = 40
QUARTER = np.uint64(3)
HALF, LOWER_HALF = np.uint64(32), np.uint64(2**32 - 1)
BATCH_BYTES = 1 << 16  # of text, so that its windows fit the processor's cache

SKETCH_BYTES = 64
BANDS = 16  # of four bytes
WINDOW_BYTES = 8

U32 = NDArray[np.uint32]
U64 = NDArray[np.uint64]
Bytes = NDArray[np.uint8]
EMPTY = np.uint64(2**64 - 1)
MIX = np.uint64(0x9E3779B97F4A7C15)
MIX_AGAIN = np.uint64(0xFF51AFD7ED558CCD)
NONE = np.zeros(0, np.uint64)
WHITE_SPACE = bytes.maketrans(b"\t\n\v\f\r", b"     ")
LOWER = bytes(range(256)).lower().translate(WHITE_SPACE)

SKETCH = np.dtype(
    [("bins", "u1", (SKETCH_BYTES,)), ("size", "<u4"), ("digest", "<u8")]
)  # of the normalized text; 0 for one that is too short


@dataclass(frozen=True)
class SketchKind:
    """The parameters of a sketch; bins times their bytes make its size."""

    bins: int
    bits: np.dtype[np.unsignedinteger]  # kept of the smallest hash of each bin
    window: np.uint64  # bit mask of a window's bytes
    neighbors: int  # candidates per band that an example is compared with
    least_common: float  # least share of equal bins in a pair that is compared


LONG = SketchKind(64, np.dtype("<u1"), EMPTY, 2, 0.65)
# In a short text one word counts for much: windows of five bytes, bands of two bins.
SHORT = SketchKind(32, np.dtype("<u2"), np.uint64(2**40 - 1), 3, 0.3)


@dataclass(frozen=True)
class Cluster:
    members: tuple[int, ...]  # indices of examples, ascending
    similarity: float  # the lowest that joined a member to the cluster


def normalized(text: str) -> bytes:
    """Lower case with single blanks; the rest makes no difference."""
    start = text[:MAX_TEXT_BYTES]
    if start.isascii():
        spaced = start.encode().translate(LOWER)
    else:
        spaced = start.lower().encode(errors="replace").translate(WHITE_SPACE)
    while b"  " in spaced:
        spaced = spaced.replace(b"  ", b" ")
    return spaced.strip()[:MAX_TEXT_BYTES]


def sketches_of(encoded: Sequence[bytes]) -> NDArray[np.void]:
    """One `SKETCH` for each normalized text."""
    sketches = np.zeros(len(encoded), SKETCH)
    sizes = np.array([len(text) for text in encoded], np.intp)
    sketches["size"] = sizes
    eligible = sizes >= MIN_BYTES
    sketches["digest"] = [
        xxhash.xxh3_64_intdigest(text) if len(text) >= MIN_BYTES else 0
        for text in encoded
    ]
    for kind, places in (
        (LONG, np.flatnonzero(sizes >= SHORT_BYTES)),
        (SHORT, np.flatnonzero(eligible & (sizes < SHORT_BYTES))),
    ):
        least = [np.zeros((0, kind.bins), np.uint64)]
        batches = np.cumsum(sizes[places]) // BATCH_BYTES
        for batch in np.split(places, np.flatnonzero(np.diff(batches)) + 1):
            least.append(_least([encoded[n] for n in batch.tolist()], kind))
        kept = (_filled(np.concatenate(least)) >> np.uint64(20)).astype(kind.bits)
        sketches["bins"][places] = kept.view(np.uint8)
    return sketches


def _least(encoded: list[bytes], kind: SketchKind) -> U64:
    """The smallest hash of each bin."""
    least = np.full((len(encoded), kind.bins), EMPTY)
    hashes, owners = _hashed_windows(encoded, kind)
    number = (hashes >> np.uint64(65 - kind.bins.bit_length())).astype(np.intp)
    np.minimum.at(least.reshape(-1), owners * kind.bins + number, hashes)
    return least


def _hashes(encoded: bytes, window: np.uint64 = EMPTY) -> U64:
    """Hashes of the windows that start at each byte but the last seven."""
    count = max(len(encoded) - WINDOW_BYTES + 1, 0)
    if not count:
        return NONE
    words: U64 = np.ndarray((count,), "<u8", encoded, strides=(1,))
    values = (words & window) * MIX if window != EMPTY else words * MIX
    values ^= values >> np.uint64(29)
    values *= MIX_AGAIN
    return values


def _hashed_windows(
    encoded: Sequence[bytes], kind: SketchKind
) -> tuple[U64, NDArray[np.intp]]:
    """Hashes of all windows of all texts, and the text that each belongs to."""
    lengths = np.array([len(text) for text in encoded], np.intp)
    values = _hashes(b"".join([*encoded, bytes(WINDOW_BYTES - 1)]), kind.window)
    ends = np.cumsum(lengths)
    inside = np.ones(len(values), bool)
    for back in range(1, WINDOW_BYTES):
        inside[ends - back] = False
    owners = np.repeat(np.arange(len(encoded)), lengths - WINDOW_BYTES + 1)
    return values[inside], owners


def _filled(sketches: U64) -> U64:
    """Fills empty bins from the next full one, so that short texts can be compared."""
    bins = sketches.shape[1]
    full = sketches != EMPTY
    for _ in range(2):  # the second round wraps around the end
        if full.all():
            break
        for place in range(bins - 1, -1, -1):
            following = (place + 1) % bins
            take = ~full[:, place] & full[:, following]
            sketches[take, place] = sketches[take, following] + MIX
            full[take, place] = True
    return sketches


def windows_of(encoded: bytes) -> U32:
    """Distinct hashes of the windows of a normalized text, ascending; of a long text a
    quarter, chosen by hash."""
    hashes = _hashes(encoded)
    if len(encoded) > SAMPLED_BYTES:
        hashes = hashes[hashes & QUARTER == 0]
    kept = (hashes >> HALF).astype(np.uint32)
    kept.sort()
    last = np.ones(len(kept), bool)
    np.not_equal(kept[1:], kept[:-1], out=last[:-1])
    return kept[last]


def similarity(first: U32, second: U32) -> float:
    both = np.concatenate((first, second))
    both.sort()
    common = int(np.count_nonzero(both[1:] == both[:-1]))
    return common / max(len(first) + len(second) - common, 1)


def unedited_share(first: str, second: str, least: float) -> float:
    """1 for equal texts; 0 where it would be below `least`."""
    longest = max(len(first), len(second), 1)
    most = int((1 - least) * longest)
    edits = Levenshtein.distance(first, second, score_cutoff=most)
    return 1 - edits / longest if edits <= most else 0.0


TextOf = Callable[[int], bytes]  # the normal text of the example at an index


class _Comparison:
    """Compares pairs of examples by their texts."""

    def __init__(self, text_of: TextOf) -> None:
        self.text = lru_cache(KEPT_TEXTS)(text_of)
        self.windows = lru_cache(KEPT_TEXTS)(lambda at: windows_of(self.text(at)))

    def of(self, first: int, second: int) -> float:
        """The similarity of two examples; 0 where it is too low."""
        texts = self.text(first), self.text(second)
        if max(map(len, texts)) < SHORT_BYTES:
            written = [text.decode(errors="replace") for text in texts]
            return unedited_share(written[0], written[1], SIMILAR_SHORT)
        alike = similarity(self.windows(first), self.windows(second))
        return alike if alike >= SIMILAR else 0.0


def clusters(sketches: NDArray[np.void], text_of: TextOf) -> list[Cluster]:
    """Clusters of examples, each joined to another of its cluster by their
    similarity."""
    forest = _Forest(len(sketches))
    for first, copy in _copies(sketches["digest"]):
        forest.join(first, copy, 1.0)
    compared = _Comparison(text_of)
    for first, second in _candidates(sketches, forest.parent):
        if forest.root(first) != forest.root(second) and (
            alike := compared.of(first, second)
        ):
            forest.join(first, second, alike)
    return forest.groups()


def _copies(digests: U64) -> Iterator[tuple[int, int]]:
    """Pairs of the first occurrence of a text and a later one."""
    _, firsts, places = np.unique(digests, return_index=True, return_inverse=True)
    copies = np.flatnonzero(firsts[places] != np.arange(len(digests)))
    copies = copies[digests[copies] != 0]
    return zip(firsts[places[copies]].tolist(), copies.tolist(), strict=True)


def _candidates(
    sketches: NDArray[np.void], parents: NDArray[np.intp]
) -> Iterator[tuple[int, int]]:
    """Pairs that share a band and enough bins, the most similar first: pairs that those
    join need no comparison."""
    sizes = sketches["size"]
    distinct = parents == np.arange(len(parents))
    likely: dict[int, list[U64]] = {}
    for kind, chosen in (
        (LONG, sizes >= SHORT_BYTES),
        (SHORT, (sizes >= MIN_BYTES) & (sizes < SHORT_BYTES)),
    ):
        for pairs in _banded(
            sketches["bins"], np.flatnonzero(chosen & distinct), kind.neighbors
        ):
            shares = _common(sketches["bins"], pairs, kind)
            enough = shares >= kind.least_common
            pairs = pairs[enough]
            steps = (shares[enough] * STEPS_OF_LIKELIHOOD).astype(np.intp)
            for step in np.unique(steps).tolist():
                likely.setdefault(step, []).append(pairs[steps == step])
    for step in sorted(likely, reverse=True):
        pairs = np.unique(np.concatenate(likely[step]))
        yield from zip(
            (pairs >> HALF).tolist(), (pairs & LOWER_HALF).tolist(), strict=True
        )


def _banded(bins: Bytes, places: NDArray[np.intp], neighbors: int) -> Iterator[U64]:
    """Pairs of each example with the next ones in one of its bands, two indices packed
    in one number."""
    for band in range(BANDS):
        keys = np.ascontiguousarray(bins[places, 4 * band : 4 * band + 4]).view("<u4")
        order = np.argsort(keys[:, 0], kind="stable")
        ordered, keys = places[order].astype(np.uint64), keys[order, 0]
        for step in range(1, neighbors + 1):
            same = np.flatnonzero(keys[step:] == keys[:-step])
            for start in range(0, len(same), PAIRS_AT_ONCE):
                part = same[start : start + PAIRS_AT_ONCE]
                yield ordered[part] << HALF | ordered[part + step]


def _common(bins: Bytes, pairs: U64, kind: SketchKind) -> NDArray[np.float64]:
    """Share of equal bins of each pair."""
    first = bins[pairs >> HALF].view(kind.bits)
    second = bins[pairs & LOWER_HALF].view(kind.bits)
    shares: NDArray[np.float64] = (first == second).mean(axis=1)
    return shares


class _Forest:
    """Union-find over the examples."""

    def __init__(self, size: int) -> None:
        self.parent = np.arange(size)
        self.lowest: dict[int, float] = {}  # lowest similarity, by root

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
