from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from datasets.models import Dataset
from datasets.services import profile_of
from recommender.core import ranking
from recommender.core.catalog import Catalog, ModelSpec, Target, Task, load
from recommender.core.ranking import Ranking
from recommender.models import Recommendation

CATALOG_PATH = Path(__file__).with_name("catalog.toml")


@dataclass(frozen=True)
class LastNeed:
    task: Task
    target: Target
    model_slug: str


@cache
def catalog() -> Catalog:
    return load(CATALOG_PATH)


def recommend(dataset: Dataset, *, task: Task, target: Target) -> Ranking:
    """The ranking for this dataset, which is also remembered."""
    models = catalog()
    found = ranking_for(dataset, task=task, target=target)
    Recommendation.objects.create(
        dataset=dataset,
        task=task.value,
        target=target.value,
        ranking=_summary(found),
        catalog_version=models.version,
    )
    return found


def ranking_for(dataset: Dataset, *, task: Task, target: Target) -> Ranking:
    """The ranking for this dataset; nothing is remembered."""
    return ranking.rank(catalog(), profile_of(dataset), task=task, target=target)


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
    found = ranking.rank(
        catalog(),
        profile_of(dataset),
        task=Task.INSTRUCTION_FOLLOWING,
        target=Target.CLOUD,
    )
    return found.recommended[0].model
