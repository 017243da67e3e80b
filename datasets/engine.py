"""Work items: asked for, claimed, renewed, finished. The row is the truth.

Executors only say when to look at the rows: a worker that polls, or Celery's messages.
A message that is lost, late or doubled changes nothing.
"""

import hashlib
import json
import logging
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.files.storage import default_storage
from django.db import DatabaseError, connection, transaction
from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone

from datasets.files import discard
from datasets.models import ACTIVE, Dataset, Kind, State, WorkItem
from slmgen.errors import InvalidInput, SlmgenError
from slmgen.logs import SHOWN_CHARACTERS
from slmgen.traces import step

logger = logging.getLogger("slmgen.work")

MAX_ATTEMPTS = 3
SECONDS_BETWEEN_REPORTS = 1.0
BACK_OFF = timedelta(seconds=5)  # before the second try, twice that before the third
GIVEN_UP = "was tried three times and failed each time; start it again, or upload again"


class LostLease(Exception):
    """Somebody else has claimed this work, or it was cancelled or deleted."""


def lease() -> timedelta:
    return timedelta(seconds=settings.SLMGEN_LEASE_SECONDS)


@dataclass
class Claim:
    """The right to write one piece of work, for as long as its fence stands."""

    item: WorkItem
    state: str = State.RUNNING  # as last written
    failure: str = ""  # the kind of what was raised
    reported_at: float = field(default_factory=time.monotonic)
    lost: threading.Event = field(default_factory=threading.Event)

    def report(self, done_bytes: int) -> None:
        """Progress, in bytes of the examples. Raises LostLease, to stop the work."""
        if self.lost.is_set():
            raise LostLease
        now = time.monotonic()
        if now - self.reported_at < SECONDS_BETWEEN_REPORTS:
            return
        self.reported_at = now
        percent = 100 * done_bytes // max(self.item.dataset.examples_bytes, 1)
        self.write(progress=min(percent, 99), lease_until=Now() + lease())

    def write(self, **values: object) -> None:
        rows = WorkItem.objects.filter(pk=self.item.pk, fence=self.item.fence)
        if not rows.update(**values, updated_at=timezone.now()):
            raise LostLease
        self.state = str(values.get("state", self.state))

    def finish(self, *, file: str = "", result: object = None) -> None:
        """The one moment in which a result appears; a file of an earlier try goes."""
        before = self.item.file
        try:
            with transaction.atomic():
                self.write(
                    state=State.DONE, progress=100, lease_until=None, file=file,
                    result=result, message="", is_refused=False,
                )  # fmt: skip
                if before and before != file:
                    discard([before])
        except LostLease:
            if file:
                default_storage.delete(file)
            raise

    def key(self, name: str) -> str:
        """A name for a file that no other try uses."""
        return f"{self.item.dataset.folder}/{name}-{self.item.pk.hex}-{self.item.fence}"


Handler = Callable[[Claim], None]
HANDLERS: dict[str, Handler] = {}


def handles(kind: Kind) -> Callable[[Handler], Handler]:
    def register(handler: Handler) -> Handler:
        HANDLERS[kind] = handler
        return handler

    return register


def ask_for(
    dataset: Dataset, kind: Kind, payload: Mapping[str, Any] | None = None
) -> WorkItem:
    """The item that computes this; the same one however often it is asked for."""
    content = dict(payload or {})
    text = json.dumps(content, sort_keys=True).encode()
    key = hashlib.sha256(text).hexdigest() if content else ""
    item, is_new = WorkItem.objects.get_or_create(
        dataset=dataset, kind=kind, key=key, defaults={"payload": content}
    )
    if is_new:
        transaction.on_commit(partial(send, item.pk))
    return item


def cancel(item: WorkItem) -> bool:
    """Stops it, now if it waits, else at the worker's next report."""
    rows = WorkItem.objects.filter(pk=item.pk, state__in=ACTIVE)
    return bool(
        rows.update(
            state=State.CANCELLED, fence=F("fence") + 1, lease_until=None,
            message="", updated_at=timezone.now(),
        )
    )  # fmt: skip


def restart(item: WorkItem) -> bool:
    """Has it done once more, from the start."""
    rows = WorkItem.objects.filter(pk=item.pk).exclude(state__in=ACTIVE)
    restarted = rows.update(
        state=State.QUEUED, attempts=0, progress=0, fence=F("fence") + 1, message="",
        is_refused=False, lease_until=None, updated_at=timezone.now(),
    )  # fmt: skip
    if restarted:
        transaction.on_commit(partial(send, item.pk))
    return bool(restarted)


def send(item_id: UUID) -> None:
    """Tells Celery, where it is used. The beat sends again what does not arrive."""
    if settings.SLMGEN_TASKS != "celery":
        return
    # Imported when needed: most servers run without it.
    from slmgen.messenger import send_work

    send_work(item_id)


def send_again() -> int:
    """Sends all that waits or has lost its lease; gives their number."""
    waiting = list(WorkItem.objects.claimable().values_list("pk", flat=True))
    for item_id in waiting:
        send(item_id)
    return len(waiting)


def claim_item(item: WorkItem) -> Claim | None:
    """The claim, or None when another worker got there first or it failed too often."""
    is_spent = item.attempts >= MAX_ATTEMPTS
    rows = WorkItem.objects.claimable().filter(pk=item.pk, fence=item.fence)
    changes: dict[str, Any] = {"state": State.RUNNING, "lease_until": Now() + lease()}
    if is_spent:
        message = f"{Kind(item.kind).label} {GIVEN_UP}."
        changes = {"state": State.FAILED, "lease_until": None, "message": message}
    claimed = rows.update(
        **changes,
        fence=F("fence") + 1,
        attempts=F("attempts") + (0 if is_spent else 1),
        updated_at=timezone.now(),
    )
    if not claimed or is_spent:
        return None
    item.refresh_from_db()
    return Claim(item)


def claim_next() -> Claim | None:
    """A claim of what waits longest. Where the database can, workers that look at the
    same time skip each other's rows instead of waiting for them."""
    if not WorkItem.objects.claimable().exists():
        return None  # and no write transaction was begun for it
    with transaction.atomic():
        rows = WorkItem.objects.claimable().select_for_update(
            skip_locked=True, of=("self",)
        )
        item = rows.first()
        return claim_item(item) if item is not None else None


def work_once() -> bool:
    """Finishes one piece of waiting work; False when there is none."""
    claim = claim_next()
    if claim is not None:
        run(claim)
    return claim is not None


def work_on(item_id: UUID | str) -> bool:
    """Finishes this piece of work, unless it is done or somebody is at it."""
    item = WorkItem.objects.filter(pk=item_id).first()
    claim = claim_item(item) if item is not None else None
    if claim is not None:
        run(claim)
    return claim is not None


def run(claim: Claim) -> None:
    """Never raises for the work's sake: what went wrong is in the row."""
    with step("CONSUMER") as told:
        told.name = f"work {claim.item.kind}"
        try:
            _run(claim)
        finally:
            told.failure = claim.failure
            told.attributes = {
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
    except SlmgenError as error:
        claim.failure = type(error).__name__
        _settle(claim, state=State.FAILED, lease_until=None, message=error.detail,
                is_refused=isinstance(error, InvalidInput))  # fmt: skip
    except Exception as error:  # whatever it is, the item is tried again or fails
        claim.failure = type(error).__name__
        _log(claim, error)
        _try_again(claim)
    except BaseException:  # told to stop: somebody else begins anew, and at once
        attempts = F("attempts") - 1
        _settle(claim, state=State.QUEUED, lease_until=None, attempts=attempts)
        raise


def _try_again(claim: Claim) -> None:
    if claim.item.attempts >= MAX_ATTEMPTS:
        message = f"{Kind(claim.item.kind).label} {GIVEN_UP}."
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
    """Where it went wrong; the message of an exception may quote the data."""
    places = "".join(traceback.format_tb(error.__traceback__))
    name = type(error).__name__
    logger.error("%s failed with %s\n%s", claim.item.pk, name, places)


@contextmanager
def _heartbeat(claim: Claim) -> Iterator[None]:
    """Renews the lease beside the work, however long one step of it takes."""
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
