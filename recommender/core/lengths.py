"""Lengths in a model's own tokens, and how many rows a limit cuts. Estimates.

Profiles count in o200k, which is Phi-4-mini's own. Where a closer look counted the data
by a model's vocabulary (Qwen3.5, Granite), that is used; else the ratio of its family
and script.
"""

import math
from dataclasses import dataclass

from recommender.core.catalog import ModelSpec
from recommender.core.needs import Need

TEMPLATE_TOKENS = 32  # of a chat template around one example, roughly
STEP = 64
SHORTEST = 256
LONGEST = 4096  # tokens a training row is cut to at most

# Granite's vocabulary is cl100k's relative: tokens of cl100k_base ÷ o200k_base, counted
# on whole real datasets of 300 to 5,000 examples in each script.
MEASURED = {
    "cl100k": {"latin": 1.02, "han": 1.56, "kana": 1.30, "hangul": 1.58,
               "arabic": 2.18},
}  # fmt: skip
ASSUMED = 1.2  # for a vocabulary nobody measured here


@dataclass(frozen=True)
class Ratio:
    """Tokens of a model for each of the profile's."""

    value: float
    is_exact: bool
    basis: str


def ratio_of(model: ModelSpec, need: Need) -> Ratio:
    name, profile = model.tokenizer.lower(), need.profile
    if "o200k" in name and profile.encoding == "o200k_base":
        return Ratio(1.0, True, "its own tokenizer's count")
    for vocabulary, value in need.closer.vocabularies.items():
        if vocabulary in name:
            basis = f"{value:.2f} × o200k, counted on your data by {vocabulary}"
            return Ratio(value, True, basis)
    if "cl100k" in name and profile.encoding == "o200k_base":
        table, shares = MEASURED["cl100k"], profile.scripts or {"latin": 1.0}
        total = sum(shares.values()) or 1.0
        value = sum(
            share * table.get(script, max(table.values()))
            for script, share in shares.items()
        )
        return Ratio(
            max(value / total, 1.0),
            False,
            "estimated from cl100k ÷ o200k measured for these scripts",
        )
    return Ratio(ASSUMED, False, f"estimated as {ASSUMED} × o200k")


def in_model_tokens(model: ModelSpec, need: Need, tokens: int) -> int:
    return math.ceil(tokens * ratio_of(model, need).value)


def row_length(model: ModelSpec, need: Need, tokens: int) -> int:
    """The limit that a row of `tokens` needs with its template, within the context."""
    needed = in_model_tokens(model, need, tokens) + TEMPLATE_TOKENS
    rounded = STEP * math.ceil(needed / STEP)
    return min(max(rounded, SHORTEST), LONGEST, model.context_length)


def rows_over(model: ModelSpec, need: Need, limit: int) -> int:
    """At most this many rows are longer than `limit` of the model's tokens."""
    profile = need.profile
    reach = (limit - TEMPLATE_TOKENS) / ratio_of(model, need).value
    rows = profile.total_examples
    known = [
        (profile.tokens_p50, rows // 2),
        (profile.tokens_p95, rows // 20),
        (profile.tokens_p99, rows // 100),
        (profile.tokens_max, 0),
    ]
    return min((over for tokens, over in known if tokens <= reach), default=rows)
