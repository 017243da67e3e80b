"""Deletes what has expired and is not needed any more."""

from dataclasses import dataclass
from datetime import timedelta

from django.contrib.sessions.models import Session
from django.core.files.storage import default_storage
from django.utils import timezone

from jobs.training.runs import forget_ended_secrets

INCOMING = "incoming"  # where files are written before they get their names
HALF_WRITTEN_AFTER = timedelta(days=1)


@dataclass(frozen=True)
class Purged:
    sessions: int
    secrets: int
    half_written_files: int


def purge_expired() -> Purged:
    ended = Session.objects.filter(expire_date__lt=timezone.now())
    return Purged(ended.delete()[0], forget_ended_secrets(), _half_written())


def _half_written() -> int:
    """Files of processes that were killed while writing."""
    if not default_storage.exists(INCOMING):
        return 0
    names = [f"{INCOMING}/{name}" for name in default_storage.listdir(INCOMING)[1]]
    before = timezone.now() - HALF_WRITTEN_AFTER
    old = [n for n in names if default_storage.get_modified_time(n) < before]
    for name in old:
        default_storage.delete(name)
    return len(old)
