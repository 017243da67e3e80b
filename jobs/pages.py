"""Jobs in the words of their pages."""

from dataclasses import dataclass

from datasets.models import AnyUser
from jobs import services
from jobs.models import MOVES, Job
from jobs.services import JobDetails

JOBS_PER_PAGE = 25
STATE_WORDS = {
    Job.Status.CREATED: "The notebook is made; nothing has run yet.",
    Job.Status.QUEUED: "Waits for its run.",
    Job.Status.RUNNING: "The notebook is training.",
    Job.Status.COMPLETED: "The training has ended well.",
    Job.Status.FAILED: "The training failed.",
    Job.Status.CANCELLED: "Canceled; it may be queued again.",
}
MOVE_WORDS = {
    Job.Status.QUEUED: "Queue it",
    Job.Status.RUNNING: "It is running",
    Job.Status.COMPLETED: "It is completed",
    Job.Status.FAILED: "It failed",
    Job.Status.CANCELLED: "Cancel it",
}
LEVELS = {
    Job.Status.COMPLETED: "good",
    Job.Status.RUNNING: "warn",
    Job.Status.FAILED: "bad",
}


@dataclass(frozen=True)
class HistoryPage:
    jobs: list[JobDetails]
    page: int
    next: int | None

    @property
    def previous(self) -> int:
        return self.page - 1


@dataclass(frozen=True)
class JobPage:
    details: JobDetails
    words: str
    level: str
    moves: list[tuple[str, str]]  # state and what its button says


def history_page(*, user: AnyUser, page: int) -> HistoryPage:
    first = (page - 1) * JOBS_PER_PAGE
    jobs = services.list_jobs(user=user, limit=JOBS_PER_PAGE + 1, offset=first)
    more = len(jobs) > JOBS_PER_PAGE
    shown = [services.details_of(job) for job in jobs[:JOBS_PER_PAGE]]
    return HistoryPage(shown, page, page + 1 if more else None)


def job_page(job: Job) -> JobPage:
    status = Job.Status(job.status)
    return JobPage(
        details=services.details_of(job),
        words=STATE_WORDS[status],
        level=LEVELS.get(status, ""),
        moves=[(move.value, MOVE_WORDS[move]) for move in MOVES[status]],
    )
