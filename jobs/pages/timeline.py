"""Events and evaluations of a job, newest first, worded for its page."""

from dataclasses import dataclass
from datetime import datetime

from jobs.core import wording
from jobs.models import Job, JobEvent, TrainingPoint

MOST = 40
Kind = JobEvent.Kind
SOURCES = {
    JobEvent.Source.OWNER: "you",
    JobEvent.Source.NOTEBOOK: "the notebook",
    JobEvent.Source.SUPPORT: "support",
}


@dataclass(frozen=True)
class TimelineEntry:
    at: datetime
    words: str


def timeline(events: list[JobEvent], job: Job) -> list[TimelineEntry]:
    points = TrainingPoint.objects.filter(run__job=job, kind="eval")
    found = [TimelineEntry(event.at, _words(event)) for event in reversed(events)]
    found += [
        TimelineEntry(
            point.at,
            f"Evaluation at step {point.step:,}: "
            f"loss {wording.reported(point.values['eval_loss'])}",
        )
        for point in points.order_by("-step")[:MOST]
    ]
    return sorted(found, key=lambda one: one.at, reverse=True)[:MOST]


def _words(event: JobEvent) -> str:
    source = SOURCES[JobEvent.Source(event.source)]
    match event.kind:
        case Kind.BEGAN:
            return f"Training began at step {event.step:,}"
        case Kind.ENDED:
            return f"Training ended at step {event.step:,}"
        case Kind.MOVED:
            why = f": {event.reason}" if event.reason else ""
            return f"Set to {event.status} by {source}{why}"
    return {
        Kind.MADE: "Job made",
        Kind.CONNECTED: "Secret for the notebook made",
        Kind.REVOKED: f"Secret of the notebook revoked by {source}",
    }[Kind(event.kind)]
