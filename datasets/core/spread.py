"""Work on many batches, spread over cores, answered in order."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import current_process, get_context, parent_process
from threading import Thread
from typing import Any, TypeVar

Item = TypeVar("Item")
Answer = TypeVar("Answer")

GIVEN_PER_PROCESS = 3  # batches that another process has or will have: nobody idles
MOST_WAITING = 16  # answers for their turn: memory stays flat


def spread(
    work: Callable[[Item], Answer], items: Iterable[Item], processes: int
) -> Iterator[tuple[Item, Answer]]:
    """Each item and `work` on it, in order; this process is one of `processes` and
    works too.

    `work` is sent to each of the others once: what it remembers is its process's own.
    """
    # A daemon may start none, and Celery's are daemons.
    if processes <= 1 or current_process().daemon:
        for item in items:
            yield item, work(item)
        return
    others = processes - 1
    # Not forked: a server's threads may hold locks that a fork would keep for ever.
    spawn = get_context("spawn")
    with ProcessPoolExecutor(others, spawn, _hold, (work,)) as pool:
        waiting: deque[tuple[Item, Future[Answer]]] = deque()
        try:
            for item in items:
                given = sum(not future.done() for _, future in waiting)
                if given < others * GIVEN_PER_PROCESS:
                    waiting.append((item, pool.submit(_held, item)))
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
