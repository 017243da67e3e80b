"""Reports of a notebook about its training, and the state of the run that follows."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import Any

from slmgen.error_text import shown
from slmgen.errors import InvalidInput

MAX_STEP = 10_000_000
MAX_VALUE = 1e6  # of a loss; larger, infinite or NaN means that it has diverged
STALLED_AFTER = timedelta(seconds=90)
EVENTS = ("begin", "log", "beat", "end", "fail")
ERROR_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,59}")
# What trainers log and people read; everything else is dropped.
NAMES = frozenset(
    {"loss", "eval_loss", "learning_rate", "grad_norm", "epoch", "entropy",
     "mean_token_accuracy", "eval_mean_token_accuracy", "eval_runtime"}
)  # fmt: skip


class RunState(StrEnum):
    """The state of a job, as lists, pages and the API name it."""

    PENDING = "pending"
    RUNNING = "running"
    STALLED = "stalled"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELED = "canceled"


# By the stored status of a job; a running job can also be stalled.
STATES = {
    "created": RunState.PENDING,
    "queued": RunState.PENDING,
    "running": RunState.RUNNING,
    "completed": RunState.COMPLETED,
    "failed": RunState.FAILED,
    "cancelled": RunState.CANCELED,
}
ENDED = frozenset({RunState.COMPLETED, RunState.FAILED, RunState.CANCELED})


@dataclass(frozen=True)
class TrainingReport:
    event: str
    step: int
    steps: int
    values: dict[str, float | None]  # None where it diverged
    error: str = ""  # the name of an exception

    @property
    def kind(self) -> str | None:
        """The curve that this report belongs to; None if it belongs to none."""
        if "eval_loss" in self.values:
            return "eval"
        return "train" if "loss" in self.values else None


def read_report(body: Mapping[str, Any]) -> TrainingReport:
    """Raises InvalidInput."""
    event = body.get("event")
    if event not in EVENTS:
        found = "missing" if event is None else shown(event)
        raise InvalidInput(f"event is {found}; expected one of {', '.join(EVENTS)}.")
    step, steps = _whole(body, "step"), _whole(body, "steps")
    return TrainingReport(event, step, steps, _values(body), _error(body))


def _whole(body: Mapping[str, Any], name: str) -> int:
    value = body.get(name)
    if type(value) is int and 0 <= value <= MAX_STEP:
        return value
    found = "missing" if value is None else shown(value)
    raise InvalidInput(
        f"{name} is {found}; expected a whole number from 0 to {MAX_STEP:,}."
    )


def _error(body: Mapping[str, Any]) -> str:
    """The name of an exception; other text is not stored."""
    name = body.get("error")
    return name if isinstance(name, str) and ERROR_NAME.fullmatch(name) else ""


def _values(body: Mapping[str, Any]) -> dict[str, float | None]:
    """Finite numbers, and null, which stands for others in JSON."""
    return {
        name: measured(value)
        for name, value in body.items()
        if name in NAMES
        and (value is None or isinstance(value, int | float))
        and not isinstance(value, bool)
    }


def measured(value: float | None) -> float | None:
    """None where it diverged: infinite, NaN, or too large to be meaningful."""
    if value is None or not -MAX_VALUE <= value <= MAX_VALUE:
        return None
    return float(value)


@dataclass(frozen=True)
class Times:
    started: datetime | None
    seen: datetime | None
    ended: datetime | None


def status_after(status: str, event: str, *, set_by_notebook: bool) -> str:
    """The status of a job after a report of its notebook.

    A status that a person has ended stays; one that the notebook ended, it may resume.
    """
    if event == "begin":
        may_begin = STATES[status] is RunState.PENDING or (
            status in {"failed", "completed"} and set_by_notebook
        )
        return "running" if may_begin else status
    if status == "running":
        return {"end": "completed", "fail": "failed"}.get(event, status)
    return status


def state(status: str, times: Times, now: datetime) -> RunState:
    """The state of a run. `JobQuerySet.in_state` has the same rule as a query."""
    found = STATES[status]
    if found is RunState.RUNNING and _is_silent(times, now):
        return RunState.STALLED
    return found


def _is_silent(times: Times, now: datetime) -> bool:
    if times.started is None or times.seen is None or times.ended is not None:
        return False
    return now - times.seen > STALLED_AFTER


def percent(step: int, steps: int) -> int:
    """Of the steps of a run; 0 where their number is not known."""
    return min(100, 100 * step // steps) if steps else 0


def seconds_left(times: Times, *, first_step: int, step: int, steps: int) -> int | None:
    """At the average speed so far; None before the first step."""
    if times.started is None or times.seen is None or step <= first_step:
        return None
    speed = (times.seen - times.started).total_seconds() / (step - first_step)
    return round(speed * max(0, steps - step))


@dataclass(frozen=True)
class Mark:
    """A step and the time it was reported at."""

    step: int
    at: datetime


QUARTERS = 4


def range_left(marks: Sequence[Mark], *, steps: int) -> tuple[int, int] | None:
    """Seconds left at the speed of the fastest and of the slowest quarter so far.

    None while there are too few marks: a single number would promise too much.
    """
    marks = _forward(marks)
    if len(marks) <= QUARTERS:
        return None
    last = len(marks) - 1
    ends = [marks[quarter * last // QUARTERS] for quarter in range(QUARTERS + 1)]
    speeds = [
        (end.at - start.at).total_seconds() / (end.step - start.step)
        for start, end in pairwise(ends)
    ]
    left = max(0, steps - marks[-1].step)
    return round(left * min(speeds)), round(left * max(speeds))


def _forward(marks: Sequence[Mark]) -> list[Mark]:
    """Drops marks that arrived late."""
    kept: list[Mark] = []
    for mark in sorted(marks, key=lambda mark: mark.at):
        if not kept or mark.step > kept[-1].step:
            kept.append(mark)
    return kept
