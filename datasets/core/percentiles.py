"""Lengths as percentiles and histograms."""

from collections import Counter


def percentile(lengths: Counter[int], percent: int) -> int:
    rank = -(-lengths.total() * percent // 100)
    seen = 0
    for length in sorted(lengths):
        seen += lengths[length]
        if seen >= rank:
            return length
    return 0


def percentiles(lengths: Counter[int]) -> dict[str, int]:
    wanted = (1, 5, 25, 50, 75, 90, 95, 99, 100)
    return {f"p{percent}": percentile(lengths, percent) for percent in wanted}


def histogram(lengths: Counter[int]) -> dict[str, int]:
    """Counts by powers of two: "64" holds the lengths from 64 to 127."""
    counts: Counter[int] = Counter()
    for length, examples in lengths.items():
        counts[1 << (length.bit_length() - 1) if length else 0] += examples
    return {str(start): counts[start] for start in sorted(counts)}
