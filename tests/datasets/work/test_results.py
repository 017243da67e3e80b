"""Whoever waits for a result, or reads one slowly, holds no connection meanwhile."""

import asyncio
import threading
import time

import pytest
from asgiref.sync import sync_to_async
from django.db import connection, connections

from datasets.models import Kind, State, WorkItem
from datasets.work import results
from slmgen.errors import NotReady
from slmgen.http.streaming import Streamed
from tests.factories import make_dataset

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _a_connection_is_closed_as_that_to_a_file_is(monkeypatch):
    """SQLite's in memory, which tests use, is never closed."""
    if connection.vendor == "sqlite":
        monkeypatch.setattr(
            type(connections["default"]), "is_in_memory_db", lambda self: False
        )


@pytest.fixture
def item():
    return WorkItem.objects.create(dataset=make_dataset(), kind=Kind.INSIGHTS)


class Clock:
    """Threads sleep until they are woken."""

    def __init__(self):
        self.asleep = threading.Semaphore(0)
        self.awake = threading.Event()
        self.held = []  # whether a sleeper held a connection

    def sleep(self, seconds):
        self.held.append(connection.connection is not None)
        self.asleep.release()
        assert self.awake.wait(30)

    monotonic = staticmethod(time.monotonic)


def waiting(item, count, found):
    def wait():
        try:
            found.append(results.finished(WorkItem.objects.get(pk=item.pk), seconds=60))
        finally:
            connection.close()

    threads = [threading.Thread(target=wait) for _ in range(count)]
    for thread in threads:
        thread.start()
    return threads


def test_who_waits_holds_no_connection_and_is_answered_when_it_is_done(
    item, monkeypatch
):
    clock, found = Clock(), []
    monkeypatch.setattr(results, "time", clock)

    threads = waiting(item, 4, found)
    for _ in threads:
        assert clock.asleep.acquire(timeout=30)
    WorkItem.objects.filter(pk=item.pk).update(state=State.DONE)
    clock.awake.set()
    for thread in threads:
        thread.join(30)

    assert clock.held == [False] * 4
    assert [one.state for one in found] == [State.DONE] * 4


def test_one_more_than_may_wait_is_told_at_once_to_come_back(item, monkeypatch):
    clock, found = Clock(), []
    monkeypatch.setattr(results, "time", clock)
    monkeypatch.setattr(results, "waits", threading.BoundedSemaphore(2))
    threads = waiting(item, 2, found)
    for _ in threads:
        assert clock.asleep.acquire(timeout=30)

    with pytest.raises(NotReady, match="0% done"):
        results.finished(item, seconds=60)

    WorkItem.objects.filter(pk=item.pk).update(state=State.DONE)
    clock.awake.set()
    for thread in threads:
        thread.join(30)
    assert results.finished(item, seconds=60) == item
    assert len(found) == 2


def test_a_download_holds_no_connection_while_it_is_read(item):
    held = []

    def pieces():
        held.append(connection.connection is not None)
        yield b"piece"

    async def read():
        held.append(await sync_to_async(_opened)())
        return [piece async for piece in Streamed(pieces())]

    assert asyncio.run(read()) == [b"piece"]
    assert held == [True, False]


def _opened():
    WorkItem.objects.count()
    return connection.connection is not None
