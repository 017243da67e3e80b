"""The page of a job."""

import hashlib
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from jobs.core import progress, wording
from jobs.core.curves import Curve, CurveRow, rows, thinned
from jobs.core.progress import STALLED_AFTER, RunState
from jobs.events import events_of, last_move
from jobs.models import MOVES, Job, JobEvent, Status
from jobs.pages.timeline import SOURCES, TimelineEntry, timeline
from jobs.training.measurements import is_connected, measured, run_of_job, state_of
from slmgen.templatetags.curves import Line

TABLE_ROWS = 60
TRAINING = 2  # index among the phases
STATE_WORDS = {
    RunState.PENDING: "Nothing has run yet.",
    RunState.RUNNING: "The notebook is training.",
    RunState.STALLED: "No sign of life for more than 90 seconds. If its session has "
    "ended, run the notebook again: it goes on from its last checkpoint.",
    RunState.COMPLETED: "The training has ended well.",
    RunState.FAILED: "The training failed.",
    RunState.CANCELED: "Canceled; it may be queued again.",
}
LEVELS = {
    RunState.COMPLETED: "good",
    RunState.STALLED: "warn",
    RunState.FAILED: "bad",
}
PHASE_WORDS = {
    RunState.PENDING: "next",
    RunState.FAILED: "stopped",
    RunState.CANCELED: "stopped",
}
MOVE_WORDS = {
    Status.QUEUED: "Queue it",
    Status.RUNNING: "It is running",
    Status.COMPLETED: "It is completed",
    Status.FAILED: "It failed",
    Status.CANCELLED: "Cancel it",
}


@dataclass(frozen=True)
class Look:
    """Display options of a job's page, from its query string."""

    log: bool = False
    live: bool = True


@dataclass(frozen=True)
class Phase:
    name: str
    state: str  # done, now, next, stopped or to come


@dataclass(frozen=True)
class Run:
    """The progress of the training."""

    step: int
    steps: int
    percent: int
    left: str  # a text; empty where there is no reliable estimate
    spent: str
    seen: datetime | None


@dataclass(frozen=True)
class Losses:
    curve: Curve
    steps: int  # of the whole run; 0 while unknown
    lines: list[Line]
    rows: list[CurveRow]
    title: str


@dataclass(frozen=True)
class Live:
    """The part of the page that changes while the notebook runs."""

    state: str
    level: str
    words: str
    reason: str
    diverged: str  # a text; empty where no loss diverged
    phases: list[Phase]
    run: Run | None
    losses: Losses | None
    happened: list[TimelineEntry]
    moves: list[tuple[str, str]]  # status and the label of its button
    asks_reason: bool
    polls: bool
    tag: str


def live(job: Job, look: Look) -> Live:
    state, found = state_of(job), measured(job)
    events = events_of(job)
    return Live(
        state=state.value,
        level=LEVELS.get(state, ""),
        words=_words(job, state),
        reason=_reason(job),
        diverged=wording.diverged(found.curve.diverged),
        phases=_phases(job, state),
        run=_run(job, state, found.marks),
        losses=_losses(job, found.curve),
        happened=timeline(events, job),
        moves=[(move, MOVE_WORDS[move]) for move in MOVES[job.status]],
        asks_reason=Status.CANCELLED in MOVES[job.status],
        polls=look.live and _may_change(job, state),
        tag=tag_of(job, look),
    )


def tag_of(job: Job, look: Look) -> str:
    """Changes whenever the live part does; computed without reading any points."""
    run, state = run_of_job(job), state_of(job)
    facts = [job.updated_at, state, look, _may_change(job, state), is_connected(job)]
    if run is not None:
        facts += [run.seen_at, run.started_at, run.ended_at, run.step, run.steps]
        facts += [run.secret_ends_at]
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:20]


def _words(job: Job, state: RunState) -> str:
    run = run_of_job(job)
    if state is RunState.PENDING and is_connected(job):
        return "Waits for the first report of the notebook."
    if state is RunState.RUNNING and (run is None or run.started_at is None):
        return "You said that it runs; its notebook reports nothing here."
    return STATE_WORDS[state]


def _reason(job: Job) -> str:
    """The reason for the end, as the person or notebook that ended the job gave it."""
    if job.status not in (Status.FAILED, Status.CANCELLED):
        return ""
    event = last_move(job)
    if event is None:
        return "No reason was given."
    why = event.reason or "No reason was given."
    if event.source == JobEvent.Source.NOTEBOOK:
        return f"The notebook stopped at step {event.step:,}: {why}"
    return f"Set by {SOURCES[JobEvent.Source(event.source)]}. {why}"


def _phases(job: Job, state: RunState) -> list[Phase]:
    run = run_of_job(job)
    started = bool(run and run.started_at)
    done = [
        ("Notebook made", job.notebook_id is not None),
        ("Notebook connected", is_connected(job) or started),
        ("Training", state is RunState.COMPLETED),
        ("Done", state is RunState.COMPLETED),
    ]
    now = next((at for at, (_, is_done) in enumerate(done) if not is_done), None)
    if state in (RunState.RUNNING, RunState.STALLED):
        now = TRAINING
    words_of = {True: "done", False: "to come"}
    word = PHASE_WORDS.get(state, "now")
    return [
        Phase(name, word if at == now else words_of[is_done])
        for at, (name, is_done) in enumerate(done)
    ]


def _run(job: Job, state: RunState, marks: tuple[progress.Mark, ...]) -> Run | None:
    run = run_of_job(job)
    if run is None or run.started_at is None:
        return None
    end = run.ended_at or run.seen_at or run.started_at
    left = progress.range_left(marks, steps=run.steps)
    return Run(
        step=run.step,
        steps=run.steps,
        percent=progress.percent(run.step, run.steps),
        left=wording.time_left(left) if state is RunState.RUNNING else "",
        spent=wording.duration(end - run.started_at),
        seen=run.seen_at,
    )


def _losses(job: Job, curve: Curve) -> Losses | None:
    if not (curve.train or curve.eval):
        return None
    run = run_of_job(job)
    lines = [
        Line("Loss of each report", "raw", thinned(curve.train)),
        Line("Loss, smoothed", "smooth", thinned(curve.smoothed)),
        Line("Evaluation", "eval", thinned(curve.eval), dots=True),
    ]
    lines = [line for line in lines if line.points]
    steps = run.steps if run else 0
    return Losses(curve, steps, lines, rows(curve, TABLE_ROWS), _title(curve))


def _title(curve: Curve) -> str:
    points = curve.smoothed or list(curve.eval)
    first, last = points[0], points[-1]
    return (
        f"Loss by step: {wording.loss(first.value)} at step {first.step:,}, "
        f"{wording.loss(last.value)} at step {last.step:,}"
    )


def _may_change(job: Job, state: RunState) -> bool:
    """After its end, a run may still measure the trained model for a while."""
    run = run_of_job(job)
    if state is RunState.COMPLETED:
        seen = run.seen_at if run else None
        return seen is not None and timezone.now() - seen <= STALLED_AFTER
    return state not in progress.ENDED and is_connected(job)
