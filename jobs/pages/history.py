"""The list of a user's jobs: filter, pages and rows."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import OuterRef, Q, Subquery
from django.utils import timezone

from datasets.models import AnyUser
from jobs.core import wording
from jobs.core.progress import RunState, percent
from jobs.models import Job, TrainingPoint
from jobs.pages.job_page import LEVELS
from jobs.services import model_names
from jobs.training.measurements import run_of_job, state_of

JOBS_PER_PAGE = 25


@dataclass(frozen=True)
class HistoryFilter:
    """Which jobs to list; empty fields exclude none."""

    text: str = ""
    state: RunState | None = None
    model: str = ""
    dataset: uuid.UUID | None = None
    page: int = 1

    @property
    def is_filtered(self) -> bool:
        return bool(self.text or self.state or self.model or self.dataset)


@dataclass(frozen=True)
class HistoryRow:
    job: Job
    models: str
    state: str
    level: str
    percent: int | None
    eval_loss: str


@dataclass(frozen=True)
class HistoryPage:
    rows: list[HistoryRow]
    page: int
    next: int | None

    @property
    def previous(self) -> int:
        return self.page - 1


def history_page(*, user: AnyUser, wanted: HistoryFilter) -> HistoryPage:
    jobs = Job.objects.visible_to(user)
    if wanted.state:
        jobs = jobs.in_state(wanted.state, timezone.now())
    if wanted.model:
        jobs = jobs.filter(model_id=wanted.model)
    if wanted.dataset:
        jobs = jobs.filter(dataset=wanted.dataset)
    if wanted.text:
        jobs = jobs.filter(_text(wanted.text))
    first = (wanted.page - 1) * JOBS_PER_PAGE
    evals = TrainingPoint.objects.filter(run=OuterRef("pk"), kind="eval")
    last = evals.order_by("-step").values("values")[:1]
    found = list(
        jobs.select_related("dataset", "notebook", "training_run").annotate(
            last_values=Subquery(last)
        )[first : first + JOBS_PER_PAGE + 1]
    )
    more = len(found) > JOBS_PER_PAGE
    rows = [_row(job) for job in found[:JOBS_PER_PAGE]]
    return HistoryPage(rows, wanted.page, wanted.page + 1 if more else None)


def _text(text: str) -> Q:
    fields = ("dataset__filename", "model_id", "task_type", "deployment_target")
    found = Q()
    for field in fields:
        found |= Q(**{f"{field}__icontains": text})
    return found


def _row(job: Any) -> HistoryRow:
    state, run = state_of(job), run_of_job(job)
    return HistoryRow(
        job=job,
        models=", ".join(model_names(job)),
        state=state.value,
        level=LEVELS.get(state, ""),
        percent=percent(run.step, run.steps)
        if run and run.steps and state is not RunState.PENDING
        else None,
        eval_loss=wording.reported(job.last_values["eval_loss"])
        if job.last_values
        else "",
    )


@dataclass(frozen=True)
class HistoryChoices:
    """The values that a user's jobs can be filtered by."""

    models: list[tuple[str, str]]
    datasets: list[tuple[str, str]]


def choices(*, user: AnyUser) -> HistoryChoices:
    jobs = Job.objects.visible_to(user).order_by()
    models = jobs.exclude(model_id="").values_list("model_id", flat=True).distinct()
    datasets = jobs.values_list("dataset", "dataset__filename").distinct()
    return HistoryChoices(
        sorted((slug, slug) for slug in models),
        sorted(_disambiguated(datasets), key=lambda choice: choice[1]),
    )


def _disambiguated(datasets: Iterable[tuple[uuid.UUID, str]]) -> list[tuple[str, str]]:
    """Adds the start of the id to datasets that share a name."""
    found = [(str(key), name) for key, name in datasets]
    names = [name for _, name in found]
    return [
        (key, name if names.count(name) == 1 else f"{name} ({key[:8]})")
        for key, name in found
    ]
