"""Deletes content whose retention period is over."""

import logging
from dataclasses import dataclass
from datetime import datetime

from django.core.cache import cache

from datasets.storage.retention import delete_dataset, empty_dataset, expired
from jobs.maintenance import purge_expired
from jobs.models import Job
from notebooks.services import delete_notebooks_of
from slmgen.audit.services import audit

logger = logging.getLogger("slmgen.operations.retention")


@dataclass(frozen=True)
class Expired:
    deleted: int
    emptied: int  # kept as empty rows, because a job still refers to them


def expire(now: datetime) -> Expired:
    """Deletes what has expired. Safe to repeat and to run in parallel."""
    deleted = emptied = 0
    for dataset in expired(now):
        if Job.objects.filter(dataset=dataset).exists():
            delete_notebooks_of(dataset)
            empty_dataset(dataset)
            emptied += 1
        else:
            delete_dataset(dataset)
            deleted += 1
        audit(None, "expire", dataset)
    if deleted or emptied:
        logger.info("expired: %s datasets deleted, %s emptied", deleted, emptied)
    return Expired(deleted, emptied)


def forget_ended() -> None:
    """Deletes expired sessions, tokens of jobs and counters."""
    purge_expired()
    forget_counts = getattr(cache, "forget_ended", None)
    if forget_counts is not None:
        forget_counts()
