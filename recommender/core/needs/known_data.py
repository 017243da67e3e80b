"""The facts about a dataset that estimates use."""

from dataclasses import dataclass, field
from typing import Any

from datasets.core.analysis.profile import Profile


@dataclass(frozen=True)
class KnownInsights:
    """What the insights add to a profile."""

    languages: dict[str, float] = field(default_factory=dict)  # share of the examples
    # Tokens of a vocabulary per token of the profile.
    vocabularies: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class KnownData:
    profile: Profile
    insights: KnownInsights = field(default_factory=KnownInsights)
    # Cache of `lengths.ratio_of`, by model.
    ratios: dict[str, Any] = field(
        default_factory=dict, init=False, compare=False, repr=False
    )
