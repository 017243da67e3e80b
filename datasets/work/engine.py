"""Work items: queued, claimed, renewed, finished. The row is the truth.

Executors (a polling worker, or Celery's messages) only say when to look at the rows. A
message that is lost, late or duplicated changes nothing.
"""

import hashlib
import json
import logging
import mmap
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.files.storage import default_storage
from django.db import DatabaseError, connection, transaction
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils import timezone

from datasets.models import ACTIVE, WORK_LABELS, Dataset, State, WorkItem
from datasets.storage.files import discard
from slmgen.errors import InvalidInput, SlmgenError
from slmgen.observability.logs import SHOWN_CHARACTERS
from slmgen.observability.traces import step

logger = logging.getLogger("slmgen.work")

MAX_ATTEMPTS = 3
SECONDS_BETWEEN_REPORTS = 1.0
SEND_AGAIN_AFTER = timedelta(minutes=5)  # the age of a lost message
# Before the second attempt, and twice that before the third
BACK_OFF = timedelta(seconds=5)
GIVEN_UP = "was tried three times and failed each time; start it again, or upload again"


class LostLease(Exception):
    """Another worker has claimed this work, or it was canceled or deleted."""


class Requeued(Exception):
    """The work returns to the queue at once; the attempt does not count."""


# One byte that a worker shares with the processes it forks (Celery's pool). A signal
# handler only sets it, so nothing is interrupted between a commit and the code after
# it.
_stopping = mmap.mmap(-1, 1)


def request_stop() -> None:
    """Makes running work return to the queue at its next report. Safe in a signal
    handler."""
    _stopping[0] = 1


def is_stopping() -> bool:
    return bool(_stopping[0])


def clear_stop() -> None:
    """Undoes `request_stop`, for a process that continues."""
    _stopping[0] = 0


def lease() -> timedelta:
    return timedelta(seconds=settings.SLMGEN_LEASE_SECONDS)


@dataclass
class Claim:
    """The right to write a work item, as long as no other claim has raised its
    fence."""

    item: WorkItem
    state: str = State.RUNNING  # as last written
    failure: str = ""  # the type of the exception raised
    reported_at: float = field(default_factory=time.monotonic)
    lost: threading.Event = field(default_factory=threading.Event)

    def report(self, done_bytes: int) -> None:
        """Stores progress, in bytes of the examples. Raises LostLease or Requeued to
        stop the work; call it where stopping leaves nothing half done."""
        if self.lost.is_set():
            raise LostLease
        if is_stopping():
            raise Requeued
        now = time.monotonic()
        if now - self.reported_at < SECONDS_BETWEEN_REPORTS:
            return
        self.reported_at = now
        percent = 100 * done_bytes // max(self.item.dataset.examples_bytes, 1)
        self.write(progress=min(percent, 99), lease_until=Now() + lease())

    def write(self, **values: object) -> None:
        # A finished item is not written again, whatever fails after its commit.
        rows = WorkItem.objects.filter(
            pk=self.item.pk, fence=self.item.fence, state=State.RUNNING
        )
        if not rows.update(**values, updated_at=timezone.now()):
            raise LostLease
        self.state = str(values.get("state", self.state))

    def finish(
        self, *, file: str = "", file_bytes: int = 0, result: object = None
    ) -> None:
        """Publishes the result, in one transaction; deletes the file of an earlier
        attempt."""
        before = self.item.file
        try:
            with transaction.atomic():
                self.write(
                    state=State.DONE, progress=100, lease_until=None, file=file,
                    file_bytes=file_bytes, result=result, message="", is_refused=False,
                )  # fmt: skip
                if before and before != file:
                    discard([before])
        except LostLease:
            if file:
                default_storage.delete(file)
            raise

    def key(self, name: str) -> str:
        """A key for a file that no other attempt uses."""
        return f"{self.item.dataset.folder}/{name}-{self.item.pk.hex}-{self.item.fence}"


Handler = Callable[[Claim], None]
HANDLERS: dict[str, Handler] = {}
# Requested by POST: a page that reloads itself cannot restart it again and again.
ASKED_BY_POST: set[str] = set()


def handles(
    kind: str, *, label: str, asked_by_post: bool = False
) -> Callable[[Handler], Handler]:
    """Registers the handler of a kind of work, in the app that the kind belongs to.
    Failed work that is `asked_by_post` restarts when it is requested again."""

    def register(handler: Handler) -> Handler:
        HANDLERS[kind] = handler
        WORK_LABELS[kind] = label
        if asked_by_post:
            ASKED_BY_POST.add(kind)
        return handler

    return register


def enqueue(
    dataset: Dataset, kind: str, payload: Mapping[str, Any] | None = None
) -> WorkItem:
    """The item of this computation, created by the first request for it."""
    content = dict(payload or {})
    item, is_new = WorkItem.objects.get_or_create(
        dataset=dataset, kind=kind, key=_key_of(content), defaults={"payload": content}
    )
    if is_new:
        transaction.on_commit(lambda: announce(item.pk), robust=True)
    return item


def is_enqueued(dataset: Dataset, kind: str, payload: Mapping[str, Any]) -> bool:
    items = WorkItem.objects.filter(dataset=dataset, kind=kind, key=_key_of(payload))
    return items.exists()


def _key_of(payload: Mapping[str, Any]) -> str:
    text = json.dumps(payload, sort_keys=True).encode()
    return hashlib.sha256(text).hexdigest() if payload else ""


def keep_newest(kept: WorkItem, most: int) -> None:
    """Deletes all but the newest `most` items of `kept`'s kind and dataset; never
    `kept`."""
    alike = WorkItem.objects.filter(dataset=kept.dataset_id, kind=kept.kind)
    old = alike.exclude(pk=kept.pk).order_by("-updated_at")[most - 1 :]
    files = dict(old.values_list("pk", "file"))
    if not files:
        return  # without a write transaction
    with transaction.atomic():
        WorkItem.objects.filter(pk__in=files).delete()
        discard(file for file in files.values() if file)


def cancel(item: WorkItem) -> bool:
    """Cancels at once if it is queued, else at the worker's next report."""
    rows = WorkItem.objects.filter(pk=item.pk, state__in=ACTIVE)
    return bool(
        rows.update(
            state=State.CANCELLED, fence=F("fence") + 1, lease_until=None,
            message="", updated_at=timezone.now(),
        )
    )  # fmt: skip


def restart(item: WorkItem, *, fence: int | None = None) -> bool:
    """Queues the item again from the start. With a `fence`, only if nobody else has
    restarted it since the row was read."""
    rows = WorkItem.objects.filter(pk=item.pk).exclude(state__in=ACTIVE)
    if fence is not None:
        rows = rows.filter(fence=fence)
    restarted = rows.update(
        state=State.QUEUED, attempts=0, progress=0, fence=F("fence") + 1, message="",
        is_refused=False, failure_shown=False, lease_until=None, sent_at=None,
        updated_at=timezone.now(),
    )  # fmt: skip
    if restarted:
        item.refresh_from_db()
        transaction.on_commit(lambda: announce(item.pk), robust=True)
    return bool(restarted)


def announce(item_id: UUID) -> None:
    """Sends the id of new work to Celery, where it is used."""
    if settings.SLMGEN_TASKS == "celery":
        WorkItem.objects.filter(pk=item_id).update(sent_at=Now())
        send(item_id)


def send(item_id: UUID) -> None:
    """Sends a message; one that Redis does not accept is due again at once."""
    if settings.SLMGEN_TASKS != "celery":
        return
    # Imported when needed: most servers run without it.
    from slmgen.celery_app import send_work

    if not send_work(item_id):
        WorkItem.objects.filter(pk=item_id).update(sent_at=None)


def send_again() -> int:
    """Sends claimable items without a message in transit: never sent, sent before the
    lease or the pause ended, or lost. Returns their number."""
    unsent = (
        Q(sent_at=None)
        | Q(sent_at__lt=F("lease_until"))
        | Q(sent_at__lt=Now() - SEND_AGAIN_AFTER)
    )
    waiting = list(
        WorkItem.objects.claimable().filter(unsent).values_list("pk", flat=True)
    )
    for item_id in waiting:
        WorkItem.objects.filter(pk=item_id).update(sent_at=Now())
        send(item_id)
    return len(waiting)


def claim_item(item: WorkItem) -> Claim | None:
    """The claim; None when another worker was faster, or the item has failed too
    often."""
    is_spent = item.attempts >= MAX_ATTEMPTS
    rows = WorkItem.objects.claimable().filter(
        pk=item.pk, fence=item.fence, attempts=item.attempts
    )
    changes: dict[str, Any] = {"state": State.RUNNING, "lease_until": Now() + lease()}
    if is_spent:
        message = f"{item.get_kind_display()} {GIVEN_UP}."
        changes = {"state": State.FAILED, "lease_until": None, "message": message}
    # The update succeeds only if the row still is as `item` says, so its new values are
    # known. A fresh read could return what somebody else has written since.
    fence, attempts = item.fence + 1, item.attempts + (not is_spent)
    claimed = rows.update(
        **changes, fence=fence, attempts=attempts, updated_at=timezone.now()
    )
    if not claimed or is_spent:
        return None
    item.state, item.fence, item.attempts = State.RUNNING, fence, attempts
    return Claim(item)


def claim_next() -> Claim | None:
    """Claims the oldest claimable item. Where the database supports it, concurrent
    workers skip each other's rows instead of waiting for them."""
    if not WorkItem.objects.claimable().exists():
        return None  # without a write transaction
    with transaction.atomic():
        rows = WorkItem.objects.claimable().select_for_update(
            skip_locked=True, of=("self",)
        )
        item = rows.first()
        return claim_item(item) if item is not None else None


def work_once() -> bool:
    """Does one queued item; False when there is none."""
    claim = claim_next()
    if claim is not None:
        run(claim)
    return claim is not None


def work_on(item_id: UUID | str) -> bool:
    """Does this item, unless it is done or another worker has it."""
    item = WorkItem.objects.filter(pk=item_id).first()
    claim = claim_item(item) if item is not None else None
    if claim is not None:
        run(claim)
    else:  # the message came too early: it is sent again when the item can be claimed
        WorkItem.objects.filter(pk=item_id, state=State.QUEUED).update(sent_at=None)
    return claim is not None


def run(claim: Claim) -> None:
    """Never raises an error of the work: it is stored in the row."""
    with step("CONSUMER") as span:
        span.name = f"work {claim.item.kind}"
        try:
            _run(claim)
        finally:
            span.failure = claim.failure
            span.attributes = {
                "slmgen.work.id": str(claim.item.pk)[:SHOWN_CHARACTERS],
                "slmgen.work.kind": claim.item.kind,
                "slmgen.work.attempt": claim.item.attempts,
                "slmgen.work.state": claim.state,
            }


def _run(claim: Claim) -> None:
    try:
        with _heartbeat(claim):
            HANDLERS[claim.item.kind](claim)
    except LostLease:
        claim.failure = LostLease.__name__
        logger.warning("the lease of %s was lost; nothing was written", claim.item.pk)
    except Requeued:
        _requeue(claim)
    except SlmgenError as error:
        claim.failure = type(error).__name__
        _settle(claim, state=State.FAILED, lease_until=None, message=error.detail,
                is_refused=isinstance(error, InvalidInput))  # fmt: skip
    except Exception as error:  # noqa: BLE001  # whatever it is, the item is retried or fails
        if is_stopping():  # SIGTERM to the group ends the helper processes too
            _requeue(claim)
            return
        claim.failure = type(error).__name__
        _log(claim, error)
        _try_again(claim)


def _requeue(claim: Claim) -> None:
    attempts = F("attempts") - 1
    _settle(
        claim, state=State.QUEUED, lease_until=None, attempts=attempts, sent_at=None
    )


def _try_again(claim: Claim) -> None:
    if claim.item.attempts >= MAX_ATTEMPTS:
        message = f"{claim.item.get_kind_display()} {GIVEN_UP}."
        _settle(claim, state=State.FAILED, lease_until=None, message=message)
        return
    not_before = Now() + BACK_OFF * claim.item.attempts
    _settle(claim, state=State.QUEUED, lease_until=not_before)


def _settle(claim: Claim, **values: object) -> None:
    try:
        claim.write(**values)
    except LostLease:
        logger.warning("the lease of %s was lost meanwhile", claim.item.pk)


def _log(claim: Claim, error: Exception) -> None:
    """Logs the stack; the exception's message may quote the data."""
    places = "".join(traceback.format_tb(error.__traceback__))
    name = type(error).__name__
    logger.error("%s failed with %s\n%s", claim.item.pk, name, places)


@contextmanager
def _heartbeat(claim: Claim) -> Iterator[None]:
    """Renews the lease from a thread, however long a step of the work takes."""
    stop = threading.Event()

    def beat() -> None:
        try:
            while not stop.wait(settings.SLMGEN_LEASE_SECONDS / 3):
                try:
                    claim.write(lease_until=Now() + lease())
                except LostLease:
                    claim.lost.set()
                    return
                except DatabaseError:
                    logger.warning("a lease was not renewed; trying again")
        finally:
            connection.close()

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
