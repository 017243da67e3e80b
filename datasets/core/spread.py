"""Work on many batches, spread over processes, answered in order."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import get_context
from typing import TypeVar

Item = TypeVar("Item")
Answer = TypeVar("Answer")

WAITING_PER_PROCESS = 2  # batches read ahead: memory stays flat, nobody idles


def spread(
    work: Callable[[Item], Answer], items: Iterable[Item], processes: int
) -> Iterator[Answer]:
    """`work` on each item, in order; in this process when `processes` is 1.

    `work` must be a function (or partial) of a module: it is sent to the others.
    """
    if processes <= 1:
        yield from map(work, items)
        return
    # Not forked: a server's threads may hold locks that a fork would keep for ever.
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        waiting: deque[Future[Answer]] = deque()
        try:
            for item in items:
                waiting.append(pool.submit(work, item))
                if len(waiting) > processes * WAITING_PER_PROCESS:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
