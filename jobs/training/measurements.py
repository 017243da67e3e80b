"""Measurements of a job's notebook, read once per page."""

import csv
from dataclasses import dataclass
from datetime import datetime
from io import StringIO
from typing import Any

from django.utils import timezone

from jobs.core import progress
from jobs.core.curves import Curve, LossPoint
from jobs.core.progress import Mark, RunState, Times
from jobs.models import Job, TrainingPoint, TrainingRun

NEVER = Times(None, None, None)
COLUMNS = ("loss", "eval_loss", "learning_rate", "grad_norm")


@dataclass(frozen=True)
class JobMeasurements:
    curve: Curve
    marks: tuple[Mark, ...]  # of the current run, not of earlier ones


def run_of_job(job: Job) -> TrainingRun | None:
    return getattr(job, "training_run", None)


def is_connected(job: Job) -> bool:
    """Whether its notebook has a token that is still valid."""
    run = run_of_job(job)
    ends_at = run.secret_ends_at if run else None
    return ends_at is not None and ends_at > timezone.now()


def state_of(job: Job) -> RunState:
    run = run_of_job(job)
    times = Times(run.started_at, run.seen_at, run.ended_at) if run else NEVER
    return progress.state(job.status, times, timezone.now())


def measured(job: Job) -> JobMeasurements:
    run = run_of_job(job)
    if run is None:
        return JobMeasurements(Curve((), ()), ())
    rows = list(
        TrainingPoint.objects.filter(run=run).values_list(
            "kind", "step", "values", "at"
        )
    )
    return JobMeasurements(
        Curve(_line(rows, "train"), _line(rows, "eval"), _diverged(rows)),
        tuple(
            Mark(step, at)
            for kind, step, _, at in rows
            if kind == "train" and _is_of(run, at)
        ),
    )


LOSS_OF = {"train": "loss", "eval": "eval_loss"}


def _line(rows: list[Any], kind: str) -> tuple[LossPoint, ...]:
    found = [(step, values[LOSS_OF[of]]) for of, step, values, _ in rows if of == kind]
    return tuple(
        LossPoint(step, value)
        for step, reported in found
        if (value := progress.measured(reported)) is not None
    )


def _diverged(rows: list[Any]) -> tuple[int, ...]:
    return tuple(
        step
        for kind, step, values, _ in rows
        if progress.measured(values[LOSS_OF[kind]]) is None
    )


def _is_of(run: TrainingRun, at: datetime) -> bool:
    return run.started_at is not None and at >= run.started_at


def losses_csv(job: Job) -> str:
    """All points of a job's run, one row a step; `nan` is a diverged loss."""
    steps: dict[int, dict[str, Any]] = {}
    for point in TrainingPoint.objects.filter(run__job=job):
        values = {k: "nan" if v is None else v for k, v in point.values.items()}
        steps.setdefault(point.step, {"step": point.step}).update(values)
    file = StringIO()
    writer = csv.DictWriter(file, ("step", *COLUMNS), extrasaction="ignore")
    writer.writeheader()
    writer.writerows(steps.values())
    return file.getvalue()
