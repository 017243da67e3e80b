"""How long data are kept, and what goes with them."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q, RestrictedError
from django.utils import timezone

from datasets.models import Dataset, WorkItem
from datasets.storage.files import discard, kept_of, kept_of_datasets
from slmgen.errors import Conflict


@transaction.atomic
def delete_dataset(dataset: Dataset) -> None:
    """With all that other apps made of it. Raises Conflict where one still uses it.

    The rows go first: a row never points to files that are gone.
    """
    rows = Dataset.objects.filter(pk=dataset.pk)
    kept = kept_of(rows)
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
    """Removes what users sent and what was read in it; the row stays for its jobs."""
    with transaction.atomic():
        kept = list(kept_of_datasets(Dataset.objects.filter(pk=dataset.pk)))
        WorkItem.objects.filter(dataset=dataset).delete()
        Dataset.objects.filter(pk=dataset.pk).update(
            emptied_at=timezone.now(), problems=[], problem_groups=[], columns={}
        )
        discard(one.key for one in kept)


def expiry_of(dataset: Dataset) -> datetime | None:
    """When its content is deleted; None is never."""
    anonymous, owned = lives()
    life = anonymous if dataset.owner_id is None else owned
    return dataset.created_at + life if life else None


def lives() -> tuple[timedelta, timedelta]:
    """How long data are kept without an owner and with one; zero is for ever."""
    return (
        timedelta(hours=settings.SLMGEN_KEEP_ANONYMOUS_HOURS),
        timedelta(days=settings.SLMGEN_KEEP_DAYS),
    )


def expired(now: datetime) -> list[Dataset]:
    """Those whose time is over and whose content is still there."""
    ended = Q(pk__in=[])
    for life, is_anonymous in zip(lives(), (True, False), strict=True):
        if life:
            ended |= Q(owner__isnull=is_anonymous, created_at__lt=now - life)
    return list(Dataset.objects.filter(ended, emptied_at=None))
