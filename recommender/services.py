import functools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.cache import cache
from msgspec import to_builtins

from datasets.core.analysis.profile import RULES_VERSION as PROFILE_RULES
from datasets.core.analysis.profile import Profile
from datasets.core.stored_values import loaded
from datasets.core.tokenization.model_lengths import COUNTS_VERSION, Tokenizer
from datasets.models import Dataset
from datasets.services import (
    examples_page,
    insights_of,
    opened_lengths,
    profile_of,
    stored_insights,
)
from recommender.core.catalog.catalog import Catalog, ModelSpec, Target, Task
from recommender.core.catalog.gpus import DEFAULT_GPU, Gpu
from recommender.core.catalog.load import load
from recommender.core.estimates import context_overflow
from recommender.core.estimates.context_overflow import RowsOver
from recommender.core.needs.data_signals import Exchange, exchange_of, signs_of
from recommender.core.needs.known_data import KnownData, KnownInsights
from recommender.core.needs.needs import Need, Wishes
from recommender.core.needs.suggestion import Suggestion, suggest
from recommender.core.ranking import ranking
from recommender.core.ranking.ranking import Ranking
from recommender.core.ranking.trace import need_of, trace
from recommender.models import Recommendation
from slmgen.errors import InvalidInput

SAMPLE_PAGES = 20  # spread evenly over the dataset
SAMPLE_PAGE_SIZE = 50
SAMPLE_ROW_BYTES = 100_000  # what is longer tells no more, and takes long
ANY_NEED = (Task.INSTRUCTION_FOLLOWING, Target.CLOUD)
CATALOG_PATH = Path(__file__).with_name("catalog.toml")


@dataclass(frozen=True)
class LastNeed:
    task: Task
    target: Target
    model_slug: str


@dataclass(frozen=True)
class Explained:
    """A ranking that was given and stored, with the way to it."""

    recommendation: Recommendation
    ranking: Ranking


@functools.cache
def catalog() -> Catalog:
    return load(CATALOG_PATH)


def tokenizers() -> tuple[Tokenizer, ...]:
    """What the insights count by."""
    return catalog().tokenizers


def recommend(
    dataset: Dataset, *, task: Task, target: Target, wishes: Wishes
) -> Explained:
    """The ranking for this dataset, which is also remembered with its trace."""
    models, need = catalog(), _need(dataset, task, target, wishes)
    found = ranking.rank(models, need)
    recommendation = Recommendation.objects.create(
        dataset=dataset,
        task=task.value,
        target=target.value,
        ranking=_summary(found),
        trace=trace(models, need, found),
        catalog_version=models.label,
    )
    return Explained(recommendation, found)


def ranking_for(
    dataset: Dataset, *, task: Task, target: Target, wishes: Wishes
) -> Ranking:
    """The ranking for this dataset; nothing is remembered. Raises InvalidInput."""
    return ranking.rank(catalog(), _need(dataset, task, target, wishes))


def data_of(dataset: Dataset, *, wait: bool = True) -> KnownData:
    """What rankings and plans alike are computed from, so that they agree.

    Insights are empty, and so shown in the trace, where there are none: for a large
    dataset nobody has asked for them, and without `wait` for any."""
    profile, report = profile_of(dataset), _report(dataset, wait=wait)
    return KnownData(
        profile, _in_shares(report, profile) if report else KnownInsights()
    )


def _need(
    dataset: Dataset,
    task: Task,
    target: Target,
    wishes: Wishes,
    *,
    wait: bool = True,
) -> Need:
    data = data_of(dataset, wait=wait)
    return Need(data.profile, task, target, wishes, data.closer)


def _report(dataset: Dataset, *, wait: bool) -> dict[str, Any] | None:
    """The insights; those of a small dataset are found now, with `wait`."""
    is_small = dataset.examples_bytes <= settings.SLMGEN_INLINE_ANALYSIS_BYTES
    return insights_of(dataset) if wait and is_small else stored_insights(dataset)


def _in_shares(report: Mapping[str, Any], profile: Profile) -> KnownInsights:
    examples, tokens = profile.total_examples, max(profile.total_tokens, 1)
    return KnownInsights(
        {code: n / examples for code, n in report["languages"].items()},
        {name: row["tokens"] / tokens for name, row in report["tokenizers"].items()},
    )


def rows_over_contexts(
    dataset: Dataset, models: Iterable[ModelSpec], *, wait: bool = True
) -> list[RowsOver]:
    """Of each model."""
    data, report = KnownData(profile_of(dataset)), _report(dataset, wait=wait)
    known = report is not None and report["version"] >= COUNTS_VERSION
    counted = report["tokenizers"] if report is not None and known else {}
    with opened_lengths(dataset) as lengths:
        return context_overflow.rows_over_contexts(models, data, lengths, counted)


def _summary(found: Ranking) -> dict[str, Any]:
    return {
        "recommended": [
            {
                "model": entry.model.slug,
                "score": entry.score,
                "reasons": entry.all_reasons,
            }
            for entry in found.recommended
        ],
        "excluded": [
            {"model": entry.model.slug, "reasons": entry.reasons}
            for entry in found.excluded
        ],
    }


def replay(recommendation: Recommendation) -> dict[str, Any]:
    """The trace that today's catalog and rules give for what was asked then."""
    models, need = catalog(), need_of(recommendation.trace)
    return trace(models, need, ranking.rank(models, need))


def last_need(dataset: Dataset) -> LastNeed | None:
    """What was last asked for this dataset, and the model that was put first."""
    last = Recommendation.objects.filter(dataset=dataset).first()
    if last is None:
        return None
    first = last.ranking["recommended"][0]["model"]
    return LastNeed(Task(last.task), Target(last.target), first)


def _last_model(dataset: Dataset) -> ModelSpec | None:
    """The first of the last ranking, unless it has left the catalog."""
    last = last_need(dataset)
    return catalog().find(last.model_slug) if last is not None else None


def best_model(
    dataset: Dataset, gpu: Gpu = DEFAULT_GPU, *, wait: bool = True
) -> ModelSpec:
    """The model for somebody who names none: the first of the last ranking. Raises
    InvalidInput where none fits, unless without `wait`."""
    known = _last_model(dataset)
    if known is not None:
        return known
    need = _need(dataset, *ANY_NEED, Wishes(gpu=gpu), wait=wait)
    return ranking.first(catalog(), need) if wait else _remembered_first(dataset, need)


def _remembered_first(dataset: Dataset, need: Need) -> ModelSpec:
    """Ranks once for each dataset, for pages."""
    rules, closer = PROFILE_RULES, bool(need.closer.languages)
    gpu = need.wishes.gpu.name
    key = f"first:{dataset.pk}:{gpu}:{catalog().label}:{rules}:{closer}"
    slug = cache.get_or_set(key, lambda: _first_or_longest(need).slug)
    return catalog().get(str(slug))


def _first_or_longest(need: Need) -> ModelSpec:
    """Where no model fits, the one that reads the longest rows."""
    try:
        return ranking.first(catalog(), need)
    except InvalidInput:
        return max(catalog().models, key=lambda model: model.context_length)


def suggest_need(dataset: Dataset) -> Suggestion:
    """Task and target that the data look made for, from an even sample of them."""
    # As plain values: a release that adds a field reads what another one has written.
    key = f"suggested:{dataset.pk}:{PROFILE_RULES}"
    known = loaded(Suggestion, cache.get(key))
    if known is None:
        known = _suggestion(dataset)
        cache.set(key, to_builtins(known))
    return known


def _suggestion(dataset: Dataset) -> Suggestion:
    return suggest(signs_of(_sample(dataset)), profile_of(dataset))


def _sample(dataset: Dataset) -> Iterator[Exchange]:
    pages = -(-dataset.total_examples // SAMPLE_PAGE_SIZE)
    step = max(pages / SAMPLE_PAGES, 1)
    for place in range(min(pages, SAMPLE_PAGES)):
        page = int(place * step) + 1
        found = examples_page(
            dataset, page=page, page_size=SAMPLE_PAGE_SIZE, longest=SAMPLE_ROW_BYTES
        )
        for example in found.examples:
            yield exchange_of(example.messages)
