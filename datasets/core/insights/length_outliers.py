"""Examples that are much longer or shorter than the others."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from datasets.core.insights.chunk import SHOWN

FENCE = 3.0  # interquartile ranges beyond the quartiles, of the logarithm of the tokens


def long_and_short(tokens: NDArray[np.uint32]) -> dict[str, Any]:
    logs = np.log2(tokens.astype(np.float64) + 1)
    low, high = np.percentile(logs, (25, 75))
    spread = max(high - low, 0.25)  # so that nearly equal lengths have no outliers
    bounds = 2 ** np.array([low - FENCE * spread, high + FENCE * spread]) - 1
    short = np.flatnonzero(tokens < bounds[0])
    long = np.flatnonzero(tokens > bounds[1])
    return {
        "shortest_usual": max(int(np.ceil(bounds[0])), 0),
        "longest_usual": int(bounds[1]),
        "short": {"count": len(short), "first": short[:SHOWN].tolist()},
        "long": {"count": len(long), "first": long[:SHOWN].tolist()},
    }
