"""Work as those see it who wait for its result."""

import time
import uuid
from collections.abc import Mapping
from threading import BoundedSemaphore
from typing import Any

from django.conf import settings
from django.db import connection

from datasets import engine
from datasets.models import Dataset, Kind, State, WorkItem
from slmgen.errors import Conflict, InvalidInput, NotFound, NotReady

SHORTEST_PAUSE, LONGEST_PAUSE = 0.1, 1.0  # seconds between two looks
# Each request that waits holds a thread; more than these are told at once to come back.
WAITS_AT_ONCE = 50
waits = BoundedSemaphore(WAITS_AT_ONCE)
RETRY_AFTER_SECONDS = 5


def is_small(dataset: Dataset) -> bool:
    """Whether work on it is done while its answer is waited for."""
    return dataset.examples_bytes <= int(settings.SLMGEN_INLINE_ANALYSIS_BYTES)


def do_now(item: WorkItem) -> None:
    claim = engine.claim_item(item)
    if claim is not None:
        engine.run(claim)


def analysis_of(dataset: Dataset) -> WorkItem:
    item = WorkItem.objects.filter(dataset=dataset, kind=Kind.ANALYSIS).first()
    if item is None:
        raise NotFound("The data have expired; upload them again.")
    return item


def finished(item: WorkItem, *, seconds: float | None = None) -> WorkItem:
    """The item when it is done. Waits, then raises NotReady; Conflict or InvalidInput
    when it failed or was cancelled."""
    if seconds is None:
        seconds = settings.SLMGEN_ANALYSIS_WAIT_SECONDS
    if _is_done(item):
        return item
    if seconds and waits.acquire(blocking=False):
        try:
            if _is_done_within(item, seconds):
                return item
        finally:
            waits.release()
    raise NotReady(
        f"{Kind(item.kind).label} is {item.progress}% done; try again in "
        f"{RETRY_AFTER_SECONDS} seconds.",
        RETRY_AFTER_SECONDS,
        percent=item.progress,
        dataset_id=str(item.dataset_id),
    )


def _is_done_within(item: WorkItem, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    pause = SHORTEST_PAUSE
    while time.monotonic() < deadline:
        # Between looks it holds no connection: a pool of them would soon be empty.
        connection.close_if_unusable_or_obsolete()
        time.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE)
        if _is_done(item):
            return True
    return False


def _is_done(item: WorkItem) -> bool:
    item.refresh_from_db()
    if item.state != State.DONE:
        _refuse_ended(item)
    return item.state == State.DONE


def _refuse_ended(item: WorkItem) -> None:
    again = f"start it again at /datasets/{item.dataset_id}/work"
    name = Kind(item.kind).label
    if item.state == State.CANCELLED:
        raise Conflict(f"{name} was cancelled; {again}.")
    if item.state == State.FAILED:
        if item.is_refused:
            raise InvalidInput(item.message)
        raise Conflict(item.message or f"{name} of this dataset failed; {again}.")


def done(dataset: Dataset, kind: Kind, payload: Mapping[str, Any]) -> WorkItem:
    """The finished item: begun where nobody has asked for it before."""
    return finished(engine.ask_for(dataset, kind, payload))


def list_work(dataset: Dataset) -> list[WorkItem]:
    """All that was computed or is being computed about a dataset, oldest first."""
    return list(WorkItem.objects.filter(dataset=dataset))


def find_work(dataset: Dataset, item_id: str) -> WorkItem:
    missing = NotFound("There is no such work on this dataset; list it to see all.")
    try:
        key = uuid.UUID(item_id)
    except ValueError:
        raise missing from None
    item = WorkItem.objects.filter(dataset=dataset, pk=key).first()
    if item is None:
        raise missing
    return item


def cancel_work(item: WorkItem) -> WorkItem:
    """Raises Conflict when there is nothing to cancel any more."""
    if not engine.cancel(item):
        raise Conflict(
            f"{Kind(item.kind).label} has ended; there is nothing to cancel."
        )
    item.refresh_from_db()
    return item


def restart_work(item: WorkItem) -> WorkItem:
    """Raises Conflict while it is waiting or running, and when it is done well."""
    if item.state == State.DONE or not engine.restart(item):
        name = Kind(item.kind).label
        raise Conflict(f"{name} is {item.state}: there is nothing to restart.")
    item.refresh_from_db()
    return item
