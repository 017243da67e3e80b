"""The history of a job: who did what, and when."""

from jobs.models import Job, JobEvent

# Per job, so that a notebook that restarts again and again fills no disk
MAX_EVENTS = 200

Kind = JobEvent.Kind
Source = JobEvent.Source


def record_event(
    job: Job,
    kind: Kind,
    source: Source,
    *,
    step: int | None = None,
    status: str = "",
    reason: str = "",
) -> None:
    """Stores an event; the same event twice in a row is stored once."""
    events = JobEvent.objects.filter(job=job)
    last = events.last()
    event = (kind, source, step, status, reason)
    if last and event == (last.kind, last.source, last.step, last.status, last.reason):
        return
    if events.count() < MAX_EVENTS:
        JobEvent.objects.create(
            job=job, kind=kind, source=source, step=step, status=status, reason=reason
        )


def events_of(job: Job) -> list[JobEvent]:
    """In chronological order."""
    return list(JobEvent.objects.filter(job=job))


def last_move(job: Job) -> JobEvent | None:
    """The change that gave the job its status; None if no person made one."""
    moves = JobEvent.objects.filter(job=job, kind=Kind.MOVED, status=job.status)
    return moves.last()
