"""Runs work on many items on several cores, and returns results in order."""

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

QUEUED_PER_WORKER = 3  # items queued per worker, so that none runs idle
MAX_PENDING = 16  # results held back for their turn, which bounds memory


def run_parallel(
    work: Callable[[Item], Answer],
    items: Iterable[Item],
    cores: int,
    source: BinaryIO | None = None,
    *,
    threads: bool = False,
) -> Iterator[tuple[Item, Answer]]:
    """Each item with the result of `work` on it, in order, computed here and by
    workers.

    Workers are processes. Each gets `work` once, and a cache inside of it is its own.
    Lines of the file `source` are not sent where a worker can read them itself. With
    `threads` the first worker is a thread, which starts at once and shares caches: for
    work that mostly runs without Python's lock.
    """
    waiting: deque[tuple[Item, Future[Answer]]] = deque()
    with ExitStack() as stack:
        workers = _workers(stack, work, cores - 1, source, threads)
        try:
            for item in items:
                free = next((worker for worker in workers if worker.is_free), None)
                queued = free.take(item) if free else _done(work(item))
                waiting.append((item, queued))
                yield from _ready(waiting, MAX_PENDING)
            yield from _ready(waiting, 0)
        finally:
            for _, future in waiting:
                future.cancel()


def _ready(
    waiting: deque[tuple[Item, Future[Answer]]], most: int
) -> Iterator[tuple[Item, Answer]]:
    """The first results that are done; waits for them while more than `most` are
    pending."""
    while waiting and (waiting[0][1].done() or len(waiting) > most):
        item, future = waiting.popleft()
        yield item, future.result()


@dataclass
class _Worker:
    """Workers of one kind."""

    pool: Executor
    size: int
    do: Callable[[Any], Any]
    to_message: Callable[[Any], Any]  # what is sent for an item
    queued: list[Future[Any]] = field(default_factory=list)

    @property
    def is_free(self) -> bool:
        self.queued = [future for future in self.queued if not future.done()]
        return len(self.queued) < self.size * QUEUED_PER_WORKER

    def take(self, item: Any) -> Future[Any]:
        self.queued.append(self.pool.submit(self.do, self.to_message(item)))
        return self.queued[-1]


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
    # Daemon processes, such as Celery's, may start no children.
    if others > 0 and not current_process().daemon:
        shared = _shared(source)
        there = partial(_worked_on, work=work, source=shared)
        # Spawned: a fork would copy locks that other threads of a server hold.
        spawn = get_context("spawn")
        pool = ProcessPoolExecutor(others, spawn, _set_work, (there,))
        to_message = partial(_to_message, source=shared)
        workers.append(
            _Worker(stack.enter_context(pool), others, _run_work, to_message)
        )
    return workers


class _Shared:
    """A file on disk that several processes read, each at its own positions."""

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
    """Where the worker reads lines that are not sent."""

    line: int
    offset: int
    size: int

    def lines(self, source: _Shared) -> LineBlock:
        text = os.pread(source.number, self.size, self.offset)
        if len(text) != self.size:
            raise OSError("the file became shorter while it was read")
        return LineBlock(self.line, self.offset, text)


def _to_message(item: Any, source: _Shared | None) -> Any:
    """An item as it is sent to a worker."""
    if source is None or not isinstance(item, LineBlock):
        return item
    return _Place(item.line, item.offset, len(item.text))


def _worked_on(item: Any, *, work: Callable[[Any], Any], source: Any) -> Any:
    return work(item.lines(source) if isinstance(item, _Place) else item)


_work: Callable[[Any], Any]  # set in each worker process


def _set_work(work: Callable[[Any], Any]) -> None:
    global _work
    _work = work
    Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """Exits when the parent ends: a parent that was killed cannot stop its children."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _run_work(item: Any) -> Any:
    return _work(item)


def _done(answer: Answer) -> Future[Answer]:
    future: Future[Answer] = Future()
    future.set_result(answer)
    return future
