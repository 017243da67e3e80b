"""The history of a job: who did what, and when."""

from jobs.models import Job, JobEvent

MAX_EVENTS = 200  # of a job: a notebook that begins over and over fills no disk

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
    """Keeps an event; the same one twice in a row is kept once."""
    events = JobEvent.objects.filter(job=job)
    last = events.last()
    told = (kind, source, step, status, reason)
    if last and told == (last.kind, last.source, last.step, last.status, last.reason):
        return
    if events.count() < MAX_EVENTS:
        JobEvent.objects.create(
            job=job, kind=kind, source=source, step=step, status=status, reason=reason
        )


def events_of(job: Job) -> list[JobEvent]:
    """In the order in which they happened."""
    return list(JobEvent.objects.filter(job=job))


def last_move(job: Job) -> JobEvent | None:
    """What brought the job into its state; None if nobody moved it by hand."""
    moves = JobEvent.objects.filter(job=job, kind=Kind.MOVED, status=job.status)
    return moves.last()
