"""Services of the training run of a job."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from jobs.core import progress
from jobs.core.progress import RunState, Times, TrainingReport
from jobs.events import Kind, Source, last_move, record_event
from jobs.models import Job, Status, TrainingPoint, TrainingRun
from slmgen.errors import InvalidInput, NotFound, Unauthorized
from slmgen.http.bearer import hash_of, token_in

MAX_POINTS = 20_000
PAGE = 2_000


@dataclass(frozen=True)
class Secret:
    token: str
    ends_at: datetime


@dataclass(frozen=True)
class Training:
    """A run at one moment."""

    state: RunState
    step: int
    steps: int
    eta_seconds: int | None
    started_at: datetime | None
    seen_at: datetime | None
    ended_at: datetime | None
    loss: float | None
    eval_loss: float | None


def new_secret(job: Job) -> Secret:
    """A new token for the job's notebook, shown this once; replaces an earlier one."""
    token = f"slt_{secrets.token_urlsafe(32)}"
    ends_at = timezone.now() + timedelta(days=settings.SLMGEN_TRAINING_SECRET_DAYS)
    with transaction.atomic():
        if _locked(job.pk) is None:
            raise NotFound("This job was deleted; GET /jobs lists yours.")
        TrainingRun.objects.update_or_create(
            job=job, defaults={"secret_hash": hash_of(token), "secret_ends_at": ends_at}
        )
        record_event(job, Kind.CONNECTED, Source.OWNER)
    return Secret(token, ends_at)


@transaction.atomic
def revoke_secret(job: Job, source: Source = Source.OWNER) -> None:
    runs = TrainingRun.objects.filter(job=job, secret_hash__isnull=False)
    if runs.update(secret_hash=None, secret_ends_at=None):
        record_event(job, Kind.REVOKED, source)


def forget_ended_secrets() -> int:
    """Deletes the hashes of expired tokens; returns their number."""
    ended = TrainingRun.objects.filter(secret_ends_at__lte=timezone.now())
    return ended.update(secret_hash=None, secret_ends_at=None)


def run_of(header: str | None) -> TrainingRun:
    """The run of the token in this Authorization header. Raises Unauthorized."""
    run = None
    if token := token_in(header):
        alive = TrainingRun.objects.filter(secret_ends_at__gt=timezone.now())
        run = alive.filter(secret_hash=hash_of(token)).first()
    if run is None:
        raise _unknown_secret()
    return run


def _unknown_secret() -> Unauthorized:
    return Unauthorized(
        "This training secret is unknown, has ended or was revoked; get another "
        "from POST /jobs/{id}/training/secret."
    )


@transaction.atomic
def record(run: TrainingRun, body: Mapping[str, Any]) -> None:
    """Stores a report; a repeated one only updates the time of the last contact.

    Raises InvalidInput; Unauthorized where the job was deleted meanwhile.
    """
    report = progress.read_report(body)
    job = _locked(run.pk)
    if job is None:
        raise _unknown_secret()
    run.refresh_from_db()
    now = timezone.now()
    if report.event == "begin":
        run.started_at, run.ended_at, run.first_step = now, None, report.step
    if report.event == "end":
        run.ended_at = now
    run.seen_at, run.step = now, max(run.step, report.step)
    run.steps = report.steps or run.steps
    run.save(
        update_fields=(
            "started_at", "ended_at", "first_step", "seen_at", "step", "steps",
        )
    )  # fmt: skip
    _keep_point(run, report, now)
    _move_job(job, report)


def _locked(job_id: Any) -> Job | None:
    """Locks the job, or returns None if it was deleted. Reports wait for each other
    here: ids of points are assigned before the commit, and a lower one must not appear
    after a higher one.

    The lock leaves the key alone, so that events can be written meanwhile.
    """
    return Job.objects.select_for_update(no_key=True).filter(pk=job_id).first()


def _keep_point(run: TrainingRun, report: TrainingReport, now: datetime) -> None:
    """Gives a changed point a new id, so that readers with a cursor get it."""
    if report.kind is None:
        return
    points = TrainingPoint.objects.filter(run=run)
    known = points.filter(kind=report.kind, step=report.step).first()
    if known is not None:
        is_of_this_run = run.started_at is None or known.at >= run.started_at
        if known.values == report.values and is_of_this_run:
            return
        known.delete()
    elif points.count() >= MAX_POINTS:
        raise InvalidInput(f"This run has {MAX_POINTS:,} points; more are not kept.")
    TrainingPoint.objects.create(
        run=run, kind=report.kind, step=report.step, values=report.values, at=now
    )


EVENT_KINDS = {"begin": Kind.BEGAN, "end": Kind.ENDED}


def _move_job(job: Job, report: TrainingReport) -> None:
    status = progress.status_after(
        job.status, report.event, set_by_notebook=_was_set_by_notebook(job)
    )
    if report.event in EVENT_KINDS:
        record_event(job, EVENT_KINDS[report.event], Source.NOTEBOOK, step=report.step)
    if status == job.status:
        return
    if report.event == "fail":
        record_event(
            job, Kind.MOVED, Source.NOTEBOOK,
            step=report.step, status=status, reason=report.error,
        )  # fmt: skip
    job.status = Status(status)
    job.save(update_fields=("status", "updated_at"))


def _was_set_by_notebook(job: Job) -> bool:
    """An end by a person is recorded with its source; a successful end of the run is
    not."""
    move = last_move(job)
    if move is None:
        return job.status == Status.COMPLETED
    return move.source == Source.NOTEBOOK


def training_of(job: Job) -> Training | None:
    """None before a token was created for the job's notebook."""
    run = TrainingRun.objects.filter(job=job).first()
    if run is None:
        return None
    times = Times(run.started_at, run.seen_at, run.ended_at)
    return Training(
        state=progress.state(job.status, times, timezone.now()),
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
    return progress.measured(point.values[name]) if point else None


def points_of(job: Job, *, since: int = 0, since_step: int = -1) -> list[TrainingPoint]:
    """A page of measurements in the order they came: those after the id `since`, of
    steps after `since_step`."""
    points = TrainingPoint.objects.filter(
        run__job=job, pk__gt=since, step__gt=since_step
    )
    return list(points.order_by("pk")[:PAGE])
