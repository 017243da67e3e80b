"""Work as its callers see it: wait for a result, or start it."""

import logging
import time
import uuid
from collections.abc import Iterable, Mapping
from threading import BoundedSemaphore
from typing import Any

from django.conf import settings
from django.db import DatabaseError

from datasets.core.analysis.profile import loaded_profile
from datasets.core.insights.insights import are_insights
from datasets.models import Dataset, Kind, State, WorkItem
from datasets.work import engine
from slmgen.db.connections import release_connection
from slmgen.errors import Conflict, InvalidInput, NotFound, NotReady

logger = logging.getLogger("slmgen.work")

MAX_PREVIEWS = 20  # per dataset; the oldest ones are deleted
STORED = (Kind.ANALYSIS, Kind.INSIGHTS)  # results that pages look up again and again
# Requested by POST: a page that reloads itself cannot restart it again and again.
ASKED_BY_POST = (Kind.REPAIR, "notebook")
SHORTEST_PAUSE, LONGEST_PAUSE = 0.1, 1.0  # seconds between two looks
# Each waiting request holds a thread; further ones get NotReady at once.
WAITS_AT_ONCE = 50
waits = BoundedSemaphore(WAITS_AT_ONCE)
RETRY_AFTER_SECONDS = 5


def is_small(dataset: Dataset) -> bool:
    """Whether work on it is done during the request."""
    return dataset.examples_bytes <= int(settings.SLMGEN_INLINE_ANALYSIS_BYTES)


def do_now(item: WorkItem) -> None:
    claim = engine.claim_item(item)
    if claim is not None:
        engine.run(claim)


def try_now(item: WorkItem) -> None:
    """For work on data that is kept in any case: where the disk is full or the database
    does not answer, the work is left to a worker."""
    try:
        do_now(item)
    except (DatabaseError, OSError):
        logger.exception("%s was not begun; a worker will do it", item.pk)


def is_current(item: WorkItem) -> bool:
    """Whether today's rules computed the result, and it can be read."""
    if item.kind == Kind.ANALYSIS:
        return loaded_profile(item.result) is not None
    return item.kind != Kind.INSIGHTS or are_insights(item.result)


def stored(dataset: Dataset, kind: Kind) -> WorkItem | None:
    """The finished, current analysis or insights, or None. Cached on the dataset
    instance."""
    known = dataset.known_work
    if known.get(Kind.ANALYSIS) is None or kind not in known:
        items = WorkItem.objects.filter(
            dataset=dataset, kind__in=STORED, key="", state=State.DONE
        )
        found = {item.kind: item for item in items if is_current(item)}
        known.update({kind: found.get(kind) for kind in STORED})
    return known[kind]


def _remember(dataset: Dataset, item: WorkItem) -> WorkItem:
    if item.kind in STORED:
        dataset.known_work[item.kind] = item
    return item


def analyzed(dataset: Dataset, *, seconds: float | None = None) -> WorkItem:
    """The finished analysis; an outdated one is computed again. Raises as `finished`
    does."""
    item = stored(dataset, Kind.ANALYSIS)
    if item is None:
        item = analysis_of(dataset)
        _start(dataset, item)
        item = _remember(dataset, finished(item, seconds=seconds))
    return item


def restart_outdated(item: WorkItem) -> None:
    """Restarts an item whose result is outdated."""
    if item.state == State.DONE and not is_current(item):
        engine.restart(item, fence=item.fence)
        _refresh(item)


def _start(dataset: Dataset, item: WorkItem) -> None:
    """Does queued work on small data now; leaves other work to a worker."""
    restart_outdated(item)
    if item.state == State.QUEUED and is_small(dataset):
        item.dataset = dataset
        do_now(item)


def analysis_of(dataset: Dataset) -> WorkItem:
    item = WorkItem.objects.filter(dataset=dataset, kind=Kind.ANALYSIS).first()
    if item is None:
        raise NotFound("The data have expired; upload them again.")
    return item


def finished(item: WorkItem, *, seconds: float | None = None) -> WorkItem:
    """The item once it is done. Waits up to `seconds`, then raises NotReady. Raises
    Conflict or InvalidInput where it failed, Conflict where it was canceled."""
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
        f"{item.get_kind_display()} is {item.progress}% done; try again in "
        f"{RETRY_AFTER_SECONDS} seconds.",
        RETRY_AFTER_SECONDS,
        percent=item.progress,
        dataset_id=str(item.dataset_id),
    )


def _is_done_within(item: WorkItem, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    pause = SHORTEST_PAUSE
    while time.monotonic() < deadline:
        release_connection()
        time.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE)
        if _is_done(item):
            return True
    return False


def _is_done(item: WorkItem) -> bool:
    if item.state != State.DONE:
        _refresh(item)
    if item.state != State.DONE:
        _refuse_ended(item)
    return item.state == State.DONE


def _refresh(item: WorkItem) -> None:
    try:
        item.refresh_from_db()
    except WorkItem.DoesNotExist:
        raise NotFound("This was deleted meanwhile; ask again.") from None


def _refuse_ended(item: WorkItem) -> None:
    if item.state == State.FAILED:
        _show_failures([item])
    again = f"start it again at /datasets/{item.dataset_id}/work"
    name = item.get_kind_display()
    if item.state == State.CANCELLED:
        raise Conflict(f"{name} was canceled; {again}.")
    if item.state == State.FAILED:
        if item.is_refused:
            raise InvalidInput(item.message)
        raise Conflict(item.message or f"{name} of this dataset failed; {again}.")


def _show_failures(items: Iterable[WorkItem]) -> None:
    """Records that the reason of these failures was shown: see `_restart_failed`."""
    new = [item.pk for item in items if not item.failure_shown]
    if new:
        WorkItem.objects.filter(pk__in=new, state=State.FAILED).update(
            failure_shown=True
        )


def _restart_failed(item: WorkItem) -> None:
    """Restarts failed work when it is requested again, because the reason may be gone.
    The failure is shown once first, so that a client that polls learns of it."""
    if item.state != State.FAILED or item.is_refused or not item.failure_shown:
        return
    if item.kind in engine.ASKED_BY_POST:
        engine.restart(item, fence=item.fence)


def done(
    dataset: Dataset,
    kind: str,
    payload: Mapping[str, Any] | None = None,
    *,
    seconds: float | None = None,
) -> WorkItem:
    """The finished item of this computation, which the first request starts. Raises as
    `finished` does."""
    item = engine.enqueue(dataset, kind, payload)
    if kind == Kind.PREVIEW:
        engine.keep_newest(item, MAX_PREVIEWS)
    _restart_failed(item)
    _start(dataset, item)
    return _remember(dataset, finished(item, seconds=seconds))


def list_work(dataset: Dataset) -> list[WorkItem]:
    """All work on a dataset, done or not, oldest first."""
    items = list(WorkItem.objects.filter(dataset=dataset))
    _show_failures(item for item in items if item.state == State.FAILED)
    return items


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
    """Raises Conflict when the work has ended."""
    if not engine.cancel(item):
        raise Conflict(
            f"{item.get_kind_display()} has ended; there is nothing to cancel."
        )
    item.refresh_from_db()
    return item


def restart_work(item: WorkItem) -> WorkItem:
    """Raises Conflict while it is waiting or running, and when it is done."""
    if item.state == State.DONE or not engine.restart(item):
        name = item.get_kind_display()
        raise Conflict(f"{name} is {item.state}: there is nothing to restart.")
    item.refresh_from_db()
    return item
