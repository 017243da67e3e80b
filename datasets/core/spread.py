"""Work on many batches, spread over cores, answered in order."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from functools import partial
from multiprocessing import current_process, get_context, parent_process
from multiprocessing.reduction import DupFd
from threading import Thread
from typing import Any, BinaryIO, NamedTuple, TypeVar

from datasets.core.rows import Lines

Item = TypeVar("Item")
Answer = TypeVar("Answer")

GIVEN_PER_PROCESS = 3  # batches that another process has or will have: nobody idles
MOST_WAITING = 16  # answers for their turn: memory stays flat


def spread(
    work: Callable[[Item], Answer],
    items: Iterable[Item],
    processes: int,
    source: BinaryIO | None = None,
) -> Iterator[tuple[Item, Answer]]:
    """Each item and `work` on it, in order; this process is one of `processes` and
    works too.

    `work` is sent to each of the others once: what it remembers is its process's own.
    Lines of `source`, a file, are not sent where they can be read there again.
    """
    # A daemon may start none, and Celery's are daemons.
    if processes <= 1 or current_process().daemon:
        for item in items:
            yield item, work(item)
        return
    others = processes - 1
    # Not forked: a server's threads may hold locks that a fork would keep for ever.
    spawn = get_context("spawn")
    shared = _shared(source)
    there = partial(_worked_on, work=work, source=shared)
    with ProcessPoolExecutor(others, spawn, _hold, (there,)) as pool:
        waiting: deque[tuple[Item, Future[Answer]]] = deque()
        try:
            for item in items:
                given = sum(not future.done() for _, future in waiting)
                if given < others * GIVEN_PER_PROCESS:
                    waiting.append((item, pool.submit(_held, _brief(item, shared))))
                else:
                    waiting.append((item, _done(work(item))))
                while waiting and (waiting[0][1].done() or len(waiting) > MOST_WAITING):
                    first, future = waiting.popleft()
                    yield first, future.result()
            while waiting:
                first, future = waiting.popleft()
                yield first, future.result()
        finally:
            for _, future in waiting:
                future.cancel()


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

    def lines(self, source: _Shared) -> Lines:
        text = os.pread(source.number, self.size, self.offset)
        if len(text) != self.size:
            raise OSError("the file became shorter while it was read")
        return Lines(self.line, self.offset, text)


def _brief(item: Any, source: _Shared | None) -> Any:
    """What is sent of it."""
    if source is None or not isinstance(item, Lines):
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
