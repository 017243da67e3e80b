"""How many rows are longer than each model of the catalog can read.

Exact where a model's tokenizer and template are known; else a range.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from datasets.core.analysis.example_index import ExampleLengths
from recommender.core.catalog.catalog import ModelSpec
from recommender.core.estimates.lengths import TEMPLATE_TOKENS
from recommender.core.needs.known_data import KnownData

# Tokens of a vocabulary per o200k token, on whole real datasets, with a margin: the
# least for larger vocabularies, the most for one of 32,000 pieces.
LEAST_RATIO = 0.8
MOST_RATIOS = {"latin": 1.5, "cyrillic": 2.5}
MOST_RATIO = 4.0  # for other scripts, which small vocabularies split into bytes
MARGIN = 0.05  # of a count by a similar vocabulary


@dataclass(frozen=True)
class RowsOver:
    model_id: str
    model_name: str
    context_length: int
    least: int
    most: int
    is_exact: bool
    basis: str


def rows_over_contexts(
    models: Iterable[ModelSpec],
    data: KnownData,
    lengths: ExampleLengths,
    counted: Mapping[str, Any],
) -> list[RowsOver]:
    """`lengths` of the rows as the profile counts them; `counted` are the tokenizers of
    the insights, empty where those are not computed."""
    return [_rows_over(model, data, lengths, counted) for model in models]


def _rows_over(
    model: ModelSpec,
    data: KnownData,
    lengths: ExampleLengths,
    counted: Mapping[str, Any],
) -> RowsOver:
    own = model.counted_by
    report = counted.get(own.name) if own else None
    least = report["over_context"].get(str(model.context_length)) if report else None
    if own and own.is_exact and least is not None:
        with_tools = data.profile.tool_examples
        most = min(least + with_tools, lengths.rows)
        basis = f"counted by {own.name} with the template"
        if with_tools:
            basis += f"; of {with_tools:,} rows with tools only the text is counted"
        return _row(model, least, most, not with_tools, basis)
    if own and report:
        ratio = report["tokens"] / max(data.profile.total_tokens, 1)
        least_ratio, most_ratio = ratio * (1 - MARGIN), ratio * (1 + MARGIN)
        basis = f"counted by {own.name}, which is like its own"
    else:
        least_ratio, most_ratio = LEAST_RATIO, _most_ratio(data)
        basis = f"estimated: {least_ratio:.2g} to {most_ratio:.2g} tokens for each"
    least = lengths.longer(math.floor(model.context_length / least_ratio))
    room = model.context_length - TEMPLATE_TOKENS
    most = lengths.longer(math.floor(room / most_ratio))
    return _row(model, least, most, False, basis)


def _row(
    model: ModelSpec, least: int, most: int, is_exact: bool, basis: str
) -> RowsOver:
    return RowsOver(
        model.slug, model.name, model.context_length, least, most, is_exact, basis
    )


def _most_ratio(data: KnownData) -> float:
    shares = data.profile.scripts
    total = sum(shares.values()) or 1.0
    weighed = sum(
        share * MOST_RATIOS.get(script, MOST_RATIO) for script, share in shares.items()
    )
    return max(weighed / total, MOST_RATIOS["latin"])
