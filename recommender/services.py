from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from datasets.models import Dataset
from datasets.services import examples_page, profile_of
from recommender.core import ranking
from recommender.core.catalog import Catalog, ModelSpec, Target, Task, load
from recommender.core.needs import Need, Wishes
from recommender.core.ranking import Ranking
from recommender.core.signs import Exchange, exchange_of, signs_of
from recommender.core.suggestion import Suggestion, suggest
from recommender.core.trace import need_of, trace
from recommender.models import Recommendation

SAMPLE_PAGES = 20  # spread evenly over the dataset
SAMPLE_PAGE_SIZE = 50
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


@cache
def catalog() -> Catalog:
    return load(CATALOG_PATH)


def recommend(
    dataset: Dataset, *, task: Task, target: Target, wishes: Wishes
) -> Explained:
    """The ranking for this dataset, which is also remembered with its trace."""
    models = catalog()
    need = Need(profile_of(dataset), task, target, wishes)
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
    """The trace that today's catalogue and rules give for what was asked then."""
    models, need = catalog(), need_of(recommendation.trace)
    return trace(models, need, ranking.rank(models, need))


def last_need(dataset: Dataset) -> LastNeed | None:
    """What was last asked for this dataset, and the model that was put first."""
    last = Recommendation.objects.filter(dataset=dataset).first()
    if last is None:
        return None
    first = last.ranking["recommended"][0]["model"]
    return LastNeed(Task(last.task), Target(last.target), first)


def best_model(dataset: Dataset) -> ModelSpec:
    """The model for somebody who names none: the first of the last ranking."""
    last = last_need(dataset)
    if last is not None:
        return catalog().get(last.model_slug)
    need = Need(profile_of(dataset), Task.INSTRUCTION_FOLLOWING, Target.CLOUD)
    return ranking.rank(catalog(), need).recommended[0].model


def suggest_need(dataset: Dataset) -> Suggestion:
    """Task and target that the data look made for, from an even sample of them."""
    profile = profile_of(dataset)
    return suggest(signs_of(_sample(dataset)), profile)


def _sample(dataset: Dataset) -> Iterator[Exchange]:
    pages = -(-dataset.total_examples // SAMPLE_PAGE_SIZE)
    step = max(pages / SAMPLE_PAGES, 1)
    for place in range(min(pages, SAMPLE_PAGES)):
        page = int(place * step) + 1
        for example in examples_page(dataset, page=page, page_size=SAMPLE_PAGE_SIZE):
            yield exchange_of(example.messages)
