"""Work on many batches, spread over cores, answered in order."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from typing import TypeVar

Item = TypeVar("Item")
Answer = TypeVar("Answer")

GIVEN_PER_PROCESS = 3  # batches that another process has or will have: nobody idles
MOST_WAITING = 16  # answers for their turn: memory stays flat


def spread(
    work: Callable[[Item], Answer], items: Iterable[Item], processes: int
) -> Iterator[tuple[Item, Answer]]:
    """Each item and `work` on it, in order; this process is one of `processes` and
    works too.

    `work` must be a function (or partial) of a module: it is sent to the others.
    """
    if processes <= 1:
        for item in items:
            yield item, work(item)
        return
    others = processes - 1
    # Not forked: a server's threads may hold locks that a fork would keep for ever.
    with ProcessPoolExecutor(others, mp_context=get_context("spawn")) as pool:
        waiting: deque[tuple[Item, Future[Answer]]] = deque()
        try:
            for item in items:
                given = sum(not future.done() for _, future in waiting)
                if given < others * GIVEN_PER_PROCESS:
                    waiting.append((item, pool.submit(work, item)))
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


def _done(answer: Answer) -> Future[Answer]:
    future: Future[Answer] = Future()
    future.set_result(answer)
    return future


def in_threads(
    work: Callable[[Item], Answer], items: Iterable[Item], threads: int
) -> Iterator[Answer]:
    """As `spread`, for work that does most of itself without holding Python's lock."""
    if threads <= 1:
        yield from map(work, items)
        return
    with ThreadPoolExecutor(threads) as pool:
        waiting: deque[Future[Answer]] = deque()
        for item in items:
            waiting.append(pool.submit(work, item))
            if len(waiting) > 2 * threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
