"""Row lengths in a model's own tokens, and how many rows a limit cuts. Estimates.

Profiles count in o200k, which Phi-4-mini uses. Where the insights counted with a
model's vocabulary (Qwen, Granite), that count is used; else the ratio of its family and
script.
"""

import math
from dataclasses import dataclass

from recommender.core.catalog.catalog import ModelSpec
from recommender.core.needs.known_data import KnownData

TEMPLATE_TOKENS = 32  # of a chat template around one example, approximately
STEP = 64
SHORTEST = 256
LONGEST = 4096  # the largest default limit of a row, in tokens

# cl100k_base tokens per o200k_base token, counted on whole real datasets of 300 to
# 5,000 examples in each script. Granite's vocabulary is nearly cl100k; Qwen's and Llama
# 3's derive from it and need fewer tokens where it is weak.
CL100K = {"latin": 1.02, "han": 1.56, "kana": 1.30, "hangul": 1.58, "arabic": 2.18}
ASSUMED = 1.2  # the least ratio of a vocabulary that was not measured


@dataclass(frozen=True)
class Ratio:
    """Tokens of a model per token of the profile."""

    value: float
    is_exact: bool
    basis: str


def ratio_of(model: ModelSpec, data: KnownData) -> Ratio:
    """Cached on the data, because a ranking needs it many times."""
    found = data.ratios.get(model.slug)
    if found is None:
        found = data.ratios[model.slug] = _ratio(model, data)
    return found


def _ratio(model: ModelSpec, data: KnownData) -> Ratio:
    encoding = model.vocabulary.encoding
    if encoding == data.profile.encoding:
        return Ratio(1.0, True, "its own tokenizer's count")
    ours, own = data.profile.encoding.removesuffix("_base"), model.counted_by
    if own and (value := data.insights.vocabularies.get(own.name)) is not None:
        basis = f"{value:.2f} × {ours}, counted on your data by {own.name}"
        return Ratio(value, own.is_exact, basis)
    cl100k = _cl100k(data)
    if encoding == "cl100k_base":
        return Ratio(cl100k, False, f"estimated as {cl100k:.2f} × {ours}, its script's")
    value = max(ASSUMED, cl100k)
    return Ratio(value, False, f"estimated as {value:.3g} × {ours}")


def _cl100k(data: KnownData) -> float:
    """As the insights counted it, else by the scripts of the data."""
    # The catalog's name of the pair that counts by it.
    if (counted := data.insights.vocabularies.get("cl100k")) is not None:
        return counted
    shares = data.profile.scripts
    total = sum(shares.values())
    if not total:
        return 1.0
    most = max(CL100K.values())
    weighed = sum(share * CL100K.get(script, most) for script, share in shares.items())
    return max(weighed / total, 1.0)


def in_model_tokens(model: ModelSpec, data: KnownData, tokens: int) -> int:
    return math.ceil(tokens * ratio_of(model, data).value)


def row_length(model: ModelSpec, data: KnownData, tokens: int) -> int:
    """The limit that a row of `tokens` needs with its template, within the context."""
    needed = in_model_tokens(model, data, tokens) + TEMPLATE_TOKENS
    rounded = STEP * math.ceil(needed / STEP)
    return min(max(rounded, SHORTEST), LONGEST, model.context_length)


def typical_row(model: ModelSpec, data: KnownData, limit: int) -> int:
    """Tokens of the average row with its template, cut at `limit`."""
    average = in_model_tokens(model, data, data.profile.average_tokens)
    return min(average + TEMPLATE_TOKENS, limit)


def reach(model: ModelSpec, data: KnownData, limit: int) -> float:
    """The longest row that `limit` holds, in tokens of the profile."""
    return (limit - TEMPLATE_TOKENS) / ratio_of(model, data).value


def rows_over(model: ModelSpec, data: KnownData, limit: int) -> int:
    """An upper bound of the rows that are longer than `limit`, in the model's
    tokens."""
    profile = data.profile
    longest = reach(model, data, limit)
    rows = profile.total_examples
    known = [
        (profile.tokens_p50, rows // 2),
        (profile.tokens_p95, rows // 20),
        (profile.tokens_p99, rows // 100),
        (profile.tokens_max, 0),
    ]
    return min((over for tokens, over in known if tokens <= longest), default=rows)
