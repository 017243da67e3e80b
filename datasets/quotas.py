"""How much one owner may keep. Checked in the transaction that inserts the row."""

from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import Count, Sum

from datasets.models import Dataset
from slmgen.errors import Conflict

ADVICE = "delete what you no longer need, or wait until it expires"


def claim_room(dataset: Dataset) -> None:
    """Raises Conflict when its owner has too much already."""
    one_at_a_time("datasets", dataset.owner_id)
    kept = Dataset.objects.filter(owner=dataset.owner_id, emptied_at=None).aggregate(
        count=Count("pk"), sent=Sum("size"), examples=Sum("examples_bytes")
    )
    room_mb = settings.SLMGEN_QUOTA_MB
    if dataset.owner_id is None:
        room_mb = settings.SLMGEN_QUOTA_ANONYMOUS_MB
    else:
        check_count(kept["count"], settings.SLMGEN_QUOTA_DATASETS, "datasets")
    stored = (kept["sent"] or 0) + (kept["examples"] or 0)
    if room_mb and stored + dataset.size + dataset.examples_bytes > room_mb * 10**6:
        raise Conflict(_no_room(dataset.owner_id, stored, room_mb))


def _no_room(owner_id: Any, stored: int, room_mb: int) -> str:
    if owner_id is None:
        return (
            "This server's room for data without an account is used up; sign in, or "
            "try again tomorrow."
        )
    return (
        f"You keep {stored / 10**6:,.0f} of {room_mb:,} MB, and this upload does not "
        f"fit; {ADVICE}."
    )


def check_count(kept: int, most: int, things: str) -> None:
    """Raises Conflict when one more would be too many; 0 is no limit."""
    if most and kept >= most:
        raise Conflict(f"You keep {kept:,} of at most {most:,} {things}; {ADVICE}.")


def one_at_a_time(things: str, owner_id: Any) -> None:
    """Until the transaction ends, nobody else counts these things of this owner.

    SQLite's transactions do that by themselves: each takes the one lock as it begins.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_advisory_xact_lock(hashtext(%s))", [f"{things} {owner_id}"]
            )
