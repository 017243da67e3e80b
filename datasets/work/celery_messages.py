"""The task of a Celery worker."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from celery import shared_task
from celery.signals import worker_shutting_down

from datasets.work.engine import request_stop, work_on
from slmgen.celery_app import WORK


@shared_task(name=WORK)  # type: ignore[untyped-decorator]  # Celery is not annotated
def work(item_id: str) -> None:
    with _stopped_by_flag():
        work_on(item_id)


@worker_shutting_down.connect  # type: ignore[untyped-decorator]  # as above
def stop_pool(**_: Any) -> None:
    """Celery lets its processes finish their task; they requeue it sooner."""
    request_stop()


@contextmanager
def _stopped_by_flag() -> Iterator[None]:
    """Handles SIGTERM sent to the process itself, as to a whole group, without
    interrupting."""
    before = signal.signal(signal.SIGTERM, _stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _stop(number: int, frame: FrameType | None) -> None:
    request_stop()
