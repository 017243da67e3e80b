"""How long data are kept, and what goes with them."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from datasets.models import Dataset, WorkItem
from datasets.storage.files import discard


def delete_dataset(dataset: Dataset) -> None:
    """The row goes first: a row never points to files that are gone."""
    with transaction.atomic():
        keys = _keys_of(dataset)
        Dataset.objects.filter(pk=dataset.pk).delete()
        discard(keys)


def with_versions(dataset: Dataset) -> list[Dataset]:
    """The dataset, and every version made from it that belongs to the same owner."""
    found, newest = {dataset.pk: dataset}, [dataset.pk]
    while newest:
        made = Dataset.objects.filter(parent__in=newest, owner=dataset.owner_id)
        children = {each.pk: each for each in made.exclude(pk__in=found)}
        found |= children
        newest = list(children)
    return list(found.values())


def _keys_of(dataset: Dataset) -> list[str]:
    made = WorkItem.objects.filter(dataset=dataset).exclude(file="")
    return [*dataset.keys, *made.values_list("file", flat=True)]


def empty_dataset(dataset: Dataset) -> None:
    """Removes what users sent and what was read in it; the row stays for its jobs."""
    with transaction.atomic():
        keys = _keys_of(dataset)
        WorkItem.objects.filter(dataset=dataset).delete()
        Dataset.objects.filter(pk=dataset.pk).update(
            emptied_at=timezone.now(), problems=[], problem_groups=[], columns={}
        )
        discard(keys)


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
