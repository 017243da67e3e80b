"""Work on many batches, spread over cores, answered in order."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import (
    Executor,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
)
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import current_process, get_context, parent_process
from multiprocessing.reduction import DupFd
from threading import Thread
from typing import Any, BinaryIO, NamedTuple, TypeVar

from datasets.core.readers.rows import LineBlock

Item = TypeVar("Item")
Answer = TypeVar("Answer")

GIVEN_TO_EACH = 3  # batches that each of the others has or will have: nobody idles
MOST_WAITING = 16  # answers for their turn: memory stays flat


def run_parallel(
    work: Callable[[Item], Answer],
    items: Iterable[Item],
    cores: int,
    source: BinaryIO | None = None,
    *,
    threads: bool = False,
) -> Iterator[tuple[Item, Answer]]:
    """Each item and `work` on it, in order, done here and by others on other cores.

    Others are processes, to each of which `work` is sent once: what it remembers is its
    process's own. Lines of `source`, a file, are not sent where they can be read there
    again. With `threads` the first of the others is one, which starts at once and
    shares what is remembered: for work that mostly runs without Python's lock.
    """
    waiting: deque[tuple[Item, Future[Answer]]] = deque()
    with ExitStack() as stack:
        workers = _workers(stack, work, cores - 1, source, threads)
        try:
            for item in items:
                free = next((worker for worker in workers if worker.has_time), None)
                given = free.take(item) if free else _done(work(item))
                waiting.append((item, given))
                yield from _ready(waiting, MOST_WAITING)
            yield from _ready(waiting, 0)
        finally:
            for _, future in waiting:
                future.cancel()


def _ready(
    waiting: deque[tuple[Item, Future[Answer]]], most: int
) -> Iterator[tuple[Item, Answer]]:
    """The first answers, as far as they are there or more than `most` wait."""
    while waiting and (waiting[0][1].done() or len(waiting) > most):
        item, future = waiting.popleft()
        yield item, future.result()


@dataclass
class _Worker:
    """Others of one kind."""

    pool: Executor
    size: int
    do: Callable[[Any], Any]
    to_message: Callable[[Any], Any]  # what is sent of an item
    given: list[Future[Any]] = field(default_factory=list)

    @property
    def has_time(self) -> bool:
        self.given = [future for future in self.given if not future.done()]
        return len(self.given) < self.size * GIVEN_TO_EACH

    def take(self, item: Any) -> Future[Any]:
        self.given.append(self.pool.submit(self.do, self.to_message(item)))
        return self.given[-1]


def _workers(
    stack: ExitStack,
    work: Callable[[Any], Any],
    others: int,
    source: BinaryIO | None,
    threads: bool,
) -> list[_Worker]:
    workers = []
    if threads and others > 0:
        thread = stack.enter_context(ThreadPoolExecutor(1))
        workers.append(_Worker(thread, 1, work, lambda item: item))
        others -= 1
    # A daemon may start none, and Celery's are daemons.
    if others > 0 and not current_process().daemon:
        shared = _shared(source)
        there = partial(_worked_on, work=work, source=shared)
        # Not forked: a server's threads may hold locks that a fork would keep for ever.
        spawn = get_context("spawn")
        pool = ProcessPoolExecutor(others, spawn, _hold, (there,))
        to_message = partial(_to_message, source=shared)
        workers.append(_Worker(stack.enter_context(pool), others, _held, to_message))
    return workers


class _Shared:
    """A file on the disk in which several processes read, each where it wants to."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __reduce__(self) -> tuple[Any, ...]:
        return _received, (DupFd(self.number),)


def _received(handle: Any) -> _Shared:
    return _Shared(handle.detach())


def _shared(source: BinaryIO | None) -> _Shared | None:
    try:
        return None if source is None else _Shared(source.fileno())
    except OSError:  # in memory
        return None


class _Place(NamedTuple):
    """Where to read what is not sent."""

    line: int
    offset: int
    size: int

    def lines(self, source: _Shared) -> LineBlock:
        text = os.pread(source.number, self.size, self.offset)
        if len(text) != self.size:
            raise OSError("the file became shorter while it was read")
        return LineBlock(self.line, self.offset, text)


def _to_message(item: Any, source: _Shared | None) -> Any:
    """What is sent of it."""
    if source is None or not isinstance(item, LineBlock):
        return item
    return _Place(item.line, item.offset, len(item.text))


def _worked_on(item: Any, *, work: Callable[[Any], Any], source: Any) -> Any:
    return work(item.lines(source) if isinstance(item, _Place) else item)


_work: Callable[[Any], Any]  # of one of the others


def _hold(work: Callable[[Any], Any]) -> None:
    global _work
    _work = work
    Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """One that was killed told nobody to stop."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _held(item: Any) -> Any:
    return _work(item)


def _done(answer: Answer) -> Future[Answer]:
    future: Future[Answer] = Future()
    future.set_result(answer)
    return future
