import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.cache import cache
from msgspec import to_builtins

from datasets.core.analysis.profile import RULES_VERSION as PROFILE_RULES
from datasets.core.analysis.profile import Profile
from datasets.core.stored_values import loaded
from datasets.core.tokenization.model_lengths import COUNTS_VERSION
from datasets.models import Dataset
from datasets.services import (
    examples_page,
    insights_of,
    opened_lengths,
    profile_of,
    stored_insights,
)
from recommender.core.catalog.catalog import Catalog, ModelSpec, Target, Task, load
from recommender.core.catalog.gpus import DEFAULT_GPU, Gpu
from recommender.core.estimates import context_overflow
from recommender.core.estimates.context_overflow import RowsOver
from recommender.core.estimates.lengths import Ratio, ratio_of
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


def data_of(dataset: Dataset) -> KnownData:
    """What rankings and plans alike are computed from, so that they agree."""
    profile = profile_of(dataset)
    return KnownData(profile, _closer_look(dataset, profile))


def _need(dataset: Dataset, task: Task, target: Target, wishes: Wishes) -> Need:
    data = data_of(dataset)
    return Need(data.profile, task, target, wishes, data.closer)


def _report(dataset: Dataset) -> dict[str, Any] | None:
    """The insights, unless the dataset is large and nobody has asked for them."""
    done = stored_insights(dataset)
    if done is None and dataset.examples_bytes > settings.SLMGEN_INLINE_ANALYSIS_BYTES:
        return None
    return insights_of(dataset)


def _closer_look(dataset: Dataset, profile: Profile) -> KnownInsights:
    """Languages and counts by models' own vocabularies; empty, and so shown in the
    trace, for a large dataset into which nobody has asked for insights."""
    report = _report(dataset)
    if report is None:
        return KnownInsights()
    return _in_shares(report, profile)


def _in_shares(report: Mapping[str, Any], profile: Profile) -> KnownInsights:
    examples, tokens = profile.total_examples, max(profile.total_tokens, 1)
    return KnownInsights(
        {code: n / examples for code, n in report["languages"].items()},
        {name: row["tokens"] / tokens for name, row in report["tokenizers"].items()},
    )


def rows_over_contexts(dataset: Dataset) -> list[RowsOver]:
    """Of each model of the catalog; a closer look is not waited for."""
    data, report = KnownData(profile_of(dataset)), _report(dataset)
    known = report is not None and report["version"] >= COUNTS_VERSION
    counted = report["tokenizers"] if report is not None and known else {}
    with opened_lengths(dataset) as lengths:
        return context_overflow.rows_over_contexts(catalog(), data, lengths, counted)


def ratio_for(dataset: Dataset, model: ModelSpec) -> Ratio:
    """Tokens of a model for each that the profile counts."""
    return ratio_of(model, _need_now(dataset).data)


def rows_over_context(dataset: Dataset, model: ModelSpec) -> RowsOver:
    """As `rows_over_contexts`, for one model, from what is known without waiting."""
    data, report = _need_now(dataset).data, _report_now(dataset)
    known = report is not None and report["version"] >= COUNTS_VERSION
    counted = report["tokenizers"] if report is not None and known else {}
    alone = replace(catalog(), models=(model,))
    with opened_lengths(dataset) as lengths:
        (found,) = context_overflow.rows_over_contexts(alone, data, lengths, counted)
    return found


def _summary(found: Ranking) -> dict[str, Any]:
    return {
        "recommended": [
            {"model": entry.model.slug, "score": entry.score, "reasons": entry.reasons}
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


def best_model(dataset: Dataset, gpu: Gpu = DEFAULT_GPU) -> ModelSpec:
    """The model for somebody who names none: the first of the last ranking."""
    known = _last_model(dataset)
    if known is not None:
        return known
    return ranking.first(catalog(), _need(dataset, *ANY_NEED, Wishes(gpu=gpu)))


def quick_model(dataset: Dataset) -> ModelSpec:
    """As `best_model`, for a page that must not wait: it uses a closer look only where
    one was taken, and ranks once for each dataset."""
    known = _last_model(dataset)
    if known is not None:
        return known
    need = _need_now(dataset)
    rules, closer = PROFILE_RULES, bool(need.closer.languages)
    key = f"first:{dataset.pk}:{catalog().label}:{rules}:{closer}"
    slug = cache.get_or_set(key, lambda: _first_or_longest(need).slug)
    return catalog().get(str(slug))


def _first_or_longest(need: Need) -> ModelSpec:
    """Where no model fits, the one that reads the longest rows."""
    try:
        return ranking.first(catalog(), need)
    except InvalidInput:
        return max(catalog().models, key=lambda model: model.context_length)


def _report_now(dataset: Dataset) -> dict[str, Any] | None:
    return stored_insights(dataset)


def _need_now(dataset: Dataset) -> Need:
    profile = profile_of(dataset)
    report = _report_now(dataset)
    closer = _in_shares(report, profile) if report else KnownInsights()
    return Need(profile, *ANY_NEED, closer=closer)


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
