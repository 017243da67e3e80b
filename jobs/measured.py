"""What a job's notebook measured, read once for a page."""

import csv
from dataclasses import dataclass
from datetime import datetime
from io import StringIO
from typing import Any

from django.utils import timezone

from jobs.core import progress
from jobs.core.curves import Curve, Point
from jobs.core.progress import Mark, State, Times
from jobs.models import Job, Status, TrainingPoint, TrainingRun
from jobs.training import GIVEN_UP

BY_HAND = {Status.RUNNING: State.RUNNING, Status.COMPLETED: State.COMPLETED}
COLUMNS = ("loss", "eval_loss", "learning_rate", "grad_norm")


@dataclass(frozen=True)
class Measured:
    curve: Curve
    marks: tuple[Mark, ...]  # of the run that goes on, not of one before it


def run_of_job(job: Job) -> TrainingRun | None:
    return getattr(job, "training_run", None)


def is_connected(job: Job) -> bool:
    """Whether its notebook holds a secret that may still report."""
    run = run_of_job(job)
    ends_at = run.secret_ends_at if run else None
    return ends_at is not None and ends_at > timezone.now()


def state_of(job: Job) -> State:
    """What its notebook reported; where it reports nothing, what was said by hand."""
    run = run_of_job(job)
    times = Times(run.started_at, run.seen_at, run.ended_at) if run else NEVER
    given_up = job.status in GIVEN_UP
    state = progress.state(times, timezone.now(), given_up=given_up)
    return BY_HAND.get(job.status, state) if state is State.PENDING else state  # type: ignore[call-overload]  # a status is text


NEVER = Times(None, None, None)


def measured(job: Job) -> Measured:
    run = run_of_job(job)
    if run is None:
        return Measured(Curve((), ()), ())
    rows = list(
        TrainingPoint.objects.filter(run=run).values_list(
            "kind", "step", "values", "at"
        )
    )
    return Measured(
        Curve(_line(rows, "train", "loss"), _line(rows, "eval", "eval_loss")),
        tuple(
            Mark(step, at)
            for kind, step, _, at in rows
            if kind == "train" and _is_of(run, at)
        ),
    )


def _line(rows: list[Any], kind: str, name: str) -> tuple[Point, ...]:
    return tuple(
        Point(step, values[name]) for of, step, values, _ in rows if of == kind
    )


def _is_of(run: TrainingRun, at: datetime) -> bool:
    return run.started_at is not None and at >= run.started_at


def losses_csv(job: Job) -> str:
    """All points of a job's run, one row for a step."""
    steps: dict[int, dict[str, Any]] = {}
    for point in TrainingPoint.objects.filter(run__job=job):
        steps.setdefault(point.step, {"step": point.step}).update(point.values)
    file = StringIO()
    writer = csv.DictWriter(file, ("step", *COLUMNS), extrasaction="ignore")
    writer.writeheader()
    writer.writerows(steps.values())
    return file.getvalue()
