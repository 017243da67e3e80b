"""Stored results of work: whether they are by the rules of today."""

from collections.abc import Mapping

from datasets.core.loading import loaded
from datasets.core.profile import RULES_VERSION, Profile

INSIGHTS_VERSION = 3  # raise it when the same data would get other insights


def loaded_profile(stored: object) -> Profile | None:
    """None where it is by other rules and has to be computed again."""
    profile = loaded(Profile, stored)
    if profile is None or profile.rules_version != RULES_VERSION:
        return None
    return profile


def are_insights(stored: object) -> bool:
    """Whether these are insights by the rules of today."""
    return isinstance(stored, Mapping) and stored.get("version") == INSIGHTS_VERSION
