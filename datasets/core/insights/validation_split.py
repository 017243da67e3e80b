"""A validation split without leaks: similar examples stay on one side."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from datasets.core.insights.chunk import SHOWN
from datasets.core.insights.near_duplicates import Cluster

VALIDATION_SHARE = 0.1
SEED = 20261125

Indices = NDArray[np.intp]


def plan(first_copies: Indices, clusters: list[Cluster]) -> dict[str, Any]:
    """A split that keeps groups together, and how many examples a random split would
    leak.

    `first_copies` gives for each example the first identical one.
    """
    groups = groups_of(first_copies, clusters)
    plain = _chosen(np.arange(len(groups)))
    careful = _chosen(groups)
    leaks = leaking(groups, plain)
    return {
        "validation_share": VALIDATION_SHARE,
        "seed": SEED,
        "training": int((~careful).sum()),
        "validation": int(careful.sum()),
        "leaks": len(leaking(groups, careful)),
        "leaks_of_a_random_split": len(leaks),
        "first_leaks": leaks[:SHOWN].tolist(),
    }


def groups_of(first_copies: Indices, clusters: list[Cluster]) -> Indices:
    """For each example, the number of its group."""
    groups = first_copies.copy()
    for cluster in clusters:
        groups[list(cluster.members)] = groups[cluster.members[0]]
    while True:  # follow duplicates to their first
        followed = groups[groups]
        if (followed == groups).all():
            return groups
        groups = followed


def _chosen(groups: Indices) -> NDArray[np.bool_]:
    """Examples for validation: whole groups, up to the share."""
    numbers, places, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    order = np.random.default_rng(SEED).permutation(len(numbers))
    wanted = VALIDATION_SHARE * len(groups)
    before = np.cumsum(sizes[order]) - sizes[order]
    fits = before + sizes[order] <= wanted
    chosen = np.zeros(len(numbers), bool)
    chosen[order[fits]] = True
    result: NDArray[np.bool_] = chosen[places]
    return result


def leaking(groups: Indices, validation: NDArray[np.bool_]) -> Indices:
    """Validation examples with a similar one among the training examples."""
    trained = np.zeros(len(groups), bool)
    trained[groups[~validation]] = True
    return np.flatnonzero(validation & trained[groups])
