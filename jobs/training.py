"""Services of the training run that belongs to a job."""

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Greatest
from django.utils import timezone

from jobs.core import progress
from jobs.core.progress import Report, State, Times
from jobs.events import Kind, Source, last_move, note
from jobs.models import Job, Status, TrainingPoint, TrainingRun
from slmgen.errors import InvalidInput, Unauthorized

MAX_POINTS = 20_000
PAGE = 2_000
BEFORE = (Status.CREATED, Status.QUEUED)
GIVEN_UP = (Status.FAILED, Status.CANCELLED)


@dataclass(frozen=True)
class Secret:
    token: str
    ends_at: datetime


@dataclass(frozen=True)
class Training:
    """A run at a moment."""

    state: State
    step: int
    steps: int
    eta_seconds: int | None
    started_at: datetime | None
    seen_at: datetime | None
    ended_at: datetime | None
    loss: float | None
    eval_loss: float | None


def new_secret(job: Job) -> Secret:
    """A secret for the job's notebook, shown this once; an earlier one ends."""
    token = f"slt_{secrets.token_urlsafe(32)}"
    ends_at = timezone.now() + timedelta(days=settings.SLMGEN_TRAINING_SECRET_DAYS)
    with transaction.atomic():
        TrainingRun.objects.update_or_create(
            job=job, defaults={"secret_hash": _hash(token), "secret_ends_at": ends_at}
        )
        note(job, Kind.CONNECTED, Source.OWNER)
    return Secret(token, ends_at)


@transaction.atomic
def revoke_secret(job: Job, source: Source = Source.OWNER) -> None:
    runs = TrainingRun.objects.filter(job=job, secret_hash__isnull=False)
    if runs.update(secret_hash=None, secret_ends_at=None):
        note(job, Kind.REVOKED, source)


def forget_ended_secrets() -> int:
    """The hashes of secrets that have ended; how many there were."""
    ended = TrainingRun.objects.filter(secret_ends_at__lte=timezone.now())
    return ended.update(secret_hash=None, secret_ends_at=None)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def run_of(header: str | None) -> TrainingRun:
    """The run whose secret this Authorization header holds. Raises Unauthorized."""
    scheme, _, token = (header or "").partition(" ")
    run = None
    if scheme.lower() == "bearer" and token:
        alive = TrainingRun.objects.filter(secret_ends_at__gt=timezone.now())
        run = alive.filter(secret_hash=_hash(token)).select_related("job").first()
    if run is None:
        raise Unauthorized(
            "This training secret is unknown, has ended or was revoked; get another "
            "from POST /jobs/{id}/training/secret."
        )
    return run


def record(run: TrainingRun, body: Mapping[str, Any]) -> None:
    """Keeps a report. Again or out of order it changes nothing. Raises InvalidInput."""
    report = progress.read_report(body)
    now = timezone.now()
    with transaction.atomic():
        _keep_point(run, report, now)
        changes: dict[str, Any] = {"seen_at": now}
        if report.steps:
            changes["steps"] = report.steps
        if report.event == "begin":
            begun = {"started_at": now, "ended_at": None, "first_step": report.step}
            changes |= begun
        if report.event == "end":
            changes["ended_at"] = now
        runs = TrainingRun.objects.filter(pk=run.pk)
        runs.update(step=Greatest("step", report.step), **changes)
        _move_job(run.job, report)


def _keep_point(run: TrainingRun, report: Report, now: datetime) -> None:
    if report.kind is None:
        return
    points = TrainingPoint.objects.filter(run=run)
    if points.count() >= MAX_POINTS:
        raise InvalidInput(f"This run has {MAX_POINTS:,} points; more are not kept.")
    TrainingPoint.objects.update_or_create(
        run=run,
        kind=report.kind,
        step=report.step,
        defaults={"values": report.values, "at": now},
    )


def _move_job(job: Job, report: Report) -> None:
    jobs = Job.objects.filter(pk=job.pk)
    now = timezone.now()
    if report.event == "begin":
        before = (*BEFORE, Status.FAILED) if _failed_by_itself(job) else BEFORE
        note(job, Kind.BEGAN, Source.NOTEBOOK, step=report.step)
        jobs.filter(status__in=before).update(status=Status.RUNNING, updated_at=now)
    if report.event == "end":
        note(job, Kind.ENDED, Source.NOTEBOOK, step=report.step)
        running = jobs.filter(status=Status.RUNNING)
        running.update(status=Status.COMPLETED, updated_at=now)
    if report.event == "fail":
        running = jobs.filter(status=Status.RUNNING)
        if running.update(status=Status.FAILED, updated_at=now):
            note(
                job, Kind.MOVED, Source.NOTEBOOK,
                step=report.step, status=Status.FAILED, reason=report.error,
            )  # fmt: skip


def _failed_by_itself(job: Job) -> bool:
    """Then its notebook may go on; what a person gave up stays so."""
    move = last_move(job)
    return move is not None and move.source == Source.NOTEBOOK


def training_of(job: Job) -> Training | None:
    """None before anything was set up for the job's notebook."""
    run = TrainingRun.objects.filter(job=job).first()
    if run is None:
        return None
    times = Times(run.started_at, run.seen_at, run.ended_at)
    return Training(
        state=progress.state(times, timezone.now(), given_up=job.status in GIVEN_UP),
        step=run.step,
        steps=run.steps,
        eta_seconds=progress.seconds_left(
            times, first_step=run.first_step, step=run.step, steps=run.steps
        ),
        started_at=run.started_at,
        seen_at=run.seen_at,
        ended_at=run.ended_at,
        loss=_last(run, "train", "loss"),
        eval_loss=_last(run, "eval", "eval_loss"),
    )


def _last(run: TrainingRun, kind: str, name: str) -> float | None:
    point = TrainingPoint.objects.filter(run=run, kind=kind).last()
    return point.values[name] if point else None


def points_of(job: Job, *, since_step: int = -1) -> list[TrainingPoint]:
    """Measurements behind a step, in order, at most a page of them."""
    points = TrainingPoint.objects.filter(run__job=job, step__gt=since_step)
    return list(points[:PAGE])
