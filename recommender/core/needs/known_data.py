"""What the estimates know of somebody's data."""

from dataclasses import dataclass, field
from typing import Any

from datasets.core.analysis.profile import Profile


@dataclass(frozen=True)
class KnownInsights:
    """What the insights into a dataset add to its profile."""

    languages: dict[str, float] = field(default_factory=dict)  # share of the examples
    # Tokens by a vocabulary for each token of the profile.
    vocabularies: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class KnownData:
    profile: Profile
    closer: KnownInsights = field(default_factory=KnownInsights)
    # By model, as `lengths.ratio_of` found them.
    ratios: dict[str, Any] = field(
        default_factory=dict, init=False, compare=False, repr=False
    )
