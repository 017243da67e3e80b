"""How long data is kept, and what is deleted with it."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q, RestrictedError
from django.utils import timezone

from datasets.models import Dataset, WorkItem
from datasets.storage.files import discard, files_of, files_of_datasets
from slmgen.errors import Conflict


@transaction.atomic
def delete_dataset(dataset: Dataset) -> None:
    """Deletes a dataset with everything other apps made from it. Raises Conflict where
    a job still uses it.

    The rows go first, so that no row points to a file that is gone.
    """
    rows = Dataset.objects.filter(pk=dataset.pk)
    kept = files_of(rows)
    try:
        rows.delete()
    except RestrictedError:
        raise Conflict(
            f"A job uses {dataset.filename} (version {str(dataset.pk)[:8]}), so "
            "nothing was deleted: delete the job first."
        ) from None
    discard(one.key for one in kept)


def with_versions(dataset: Dataset) -> list[Dataset]:
    """The dataset, and every version made from it that belongs to the same owner."""
    found, newest = {dataset.pk: dataset}, [dataset.pk]
    while newest:
        made = Dataset.objects.filter(parent__in=newest, owner=dataset.owner_id)
        children = {each.pk: each for each in made.exclude(pk__in=found)}
        found |= children
        newest = list(children)
    return list(found.values())


def empty_dataset(dataset: Dataset) -> None:
    """Deletes the content and everything computed from it; the row stays for its
    jobs."""
    with transaction.atomic():
        kept = list(files_of_datasets(Dataset.objects.filter(pk=dataset.pk)))
        WorkItem.objects.filter(dataset=dataset).delete()
        Dataset.objects.filter(pk=dataset.pk).update(
            emptied_at=timezone.now(), problems=[], problem_groups=[], columns={}
        )
        discard(one.key for one in kept)


def expiry_of(dataset: Dataset) -> datetime | None:
    """When the content is deleted; None is never."""
    anonymous, owned = retention_periods()
    period = anonymous if dataset.owner_id is None else owned
    return dataset.created_at + period if period else None


def retention_periods() -> tuple[timedelta, timedelta]:
    """How long data is kept without an owner and with one; zero is forever."""
    return (
        timedelta(hours=settings.SLMGEN_KEEP_ANONYMOUS_HOURS),
        timedelta(days=settings.SLMGEN_KEEP_DAYS),
    )


def expired(now: datetime) -> list[Dataset]:
    """Datasets whose retention period is over and whose content still exists."""
    ended = Q(pk__in=[])
    anonymous, owned = retention_periods()
    if anonymous:
        ended |= Q(owner=None, created_at__lt=now - anonymous)
    if owned:
        ended |= Q(owner__isnull=False, created_at__lt=now - owned)
    return list(Dataset.objects.filter(ended, emptied_at=None))
