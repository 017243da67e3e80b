"""Storage quotas per owner, checked in the transaction that inserts the row."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import F, Sum

from datasets.models import Dataset, Kind, WorkItem
from slmgen.errors import Conflict

ADVICE = "delete what you no longer need, or wait until it expires"


# Functions of apps that store files for an owner; each returns their bytes.
StoredBytes = Callable[[Any], int]
STORED_BYTES: list[StoredBytes] = []


def counts_toward_quota(function: StoredBytes) -> StoredBytes:
    """Registers a function that returns the bytes it stores for the owner with a
    key."""
    STORED_BYTES.append(function)
    return function


@counts_toward_quota
def bytes_of_datasets(owner_id: Any) -> int:
    sizes = F("size") + F("examples_bytes") + F("problems_bytes")
    kept = Dataset.objects.filter(owner=owner_id, emptied_at=None)
    return kept.aggregate(stored=Sum(sizes))["stored"] or 0


@counts_toward_quota
def bytes_of_work(owner_id: Any) -> int:
    """Exports and previews. Indexes are small beside their examples and not counted."""
    made = WorkItem.objects.filter(
        dataset__owner=owner_id, kind__in=(Kind.EXPORT, Kind.PREVIEW)
    )
    return made.aggregate(stored=Sum("file_bytes"))["stored"] or 0


def reserve_quota(owner_id: Any, needed: int, *, datasets: int = 0) -> None:
    """Raises Conflict when `needed` more bytes exceed the owner's quota."""
    lock_quota("datasets", owner_id)
    room_mb = settings.SLMGEN_QUOTA_MB
    if owner_id is None:
        room_mb = settings.SLMGEN_QUOTA_ANONYMOUS_MB
    elif datasets:
        kept = Dataset.objects.filter(owner=owner_id, emptied_at=None).count()
        check_count(kept, settings.SLMGEN_QUOTA_DATASETS, "datasets")
    if not room_mb:
        return
    stored = sum(count(owner_id) for count in STORED_BYTES)
    if stored + needed > room_mb * 10**6:
        thing = "upload" if datasets else "notebook"
        raise Conflict(_no_room(owner_id, stored, room_mb, thing))


def _no_room(owner_id: Any, stored: int, room_mb: int, thing: str) -> str:
    if owner_id is None:
        return (
            "This server's room for data without an account is used up; sign in, or "
            "try again tomorrow."
        )
    return (
        f"You keep {stored / 10**6:,.0f} of {room_mb:,} MB, and this {thing} does not "
        f"fit; {ADVICE}."
    )


def check_count(kept: int, most: int, things: str) -> None:
    """Raises Conflict when one more would exceed `most`; 0 is no limit."""
    if most and kept >= most:
        raise Conflict(f"You keep {kept:,} of at most {most:,} {things}; {ADVICE}.")


def lock_quota(things: str, owner_id: Any) -> None:
    """Serializes checks of one owner's quota until the transaction ends.

    SQLite does that by itself: each transaction takes its only lock when it starts.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_advisory_xact_lock(hashtext(%s))", [f"{things} {owner_id}"]
            )
