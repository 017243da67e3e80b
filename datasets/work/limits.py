"""Limits on the computation that uploaded data may cause."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from shutil import copyfileobj
from tempfile import TemporaryFile
from threading import Condition
from typing import Any, BinaryIO, TypeVar, cast

from django.conf import settings

from datasets.core.processes import bounded
from datasets.core.readers.detection import is_packed
from datasets.core.readers.rows import Progress
from slmgen.db.connections import release_connection
from slmgen.errors import Unavailable
from slmgen.http.clients import client_now

Answer = TypeVar("Answer")

# Data up to this size is handled in the calling process, in milliseconds: patterns and
# parsers take time in proportion to it. Everything else, and all compressed data, is
# handled in a process of its own.
SMALL_BYTES = 64_000
BASE_SECONDS = 20
SECONDS_PER_MB = 4  # ten times what real data takes on a slow machine
MOST_UNPACKED = 20  # most bytes of real data per byte of a compressed file
SECONDS_TO_WAIT = 30
RETRY_SECONDS = 10


class WorkSlots:
    """Limits concurrent computations, which bounds memory. One client gets at most half
    of the slots, so that slow files of one do not block all others."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._taken: list[str] = []  # by client; "" is the server itself
        self._changed = Condition()

    @contextmanager
    def acquire(self, client: str, seconds: float) -> Iterator[None]:
        """Waits for a slot. Raises Unavailable after `seconds` without one."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._has_room(client), seconds):
                raise Unavailable(
                    "Too many files are being read at once; try again in "
                    f"{RETRY_SECONDS} seconds.",
                    RETRY_SECONDS,
                )
            self._taken.append(client)
        try:
            yield
        finally:
            with self._changed:
                self._taken.remove(client)
                self._changed.notify_all()

    def _has_room(self, client: str) -> bool:
        of_one = max(self._most // 2, 1)
        is_one_too_many = client and self._taken.count(client) >= of_one
        return len(self._taken) < self._most and not is_one_too_many


slots = WorkSlots(settings.SLMGEN_PROCESSES + 2)


def budget_for(size: int) -> bounded.Budget:
    """The limits for `size` bytes of data."""
    return bounded.Budget(
        cpu_seconds=BASE_SECONDS + SECONDS_PER_MB * size // 10**6,
        memory_bytes=settings.SLMGEN_WORK_MEMORY_BYTES,
    )


def run_bounded(
    work: Callable[..., Answer],
    *arguments: Any,
    size: int,
    report: Progress | None = None,
) -> Answer:
    """`work(*arguments)` on `size` bytes of data, within limits. A `report` becomes the
    last argument.

    The first argument is the data or its file, compressed or not. Raises what `work`
    raises, InvalidInput when the data exceeds its limits, Unavailable when all slots
    are taken.
    """
    source = arguments[0]
    packed = bounded.is_file(source) and is_packed(source)
    if size <= SMALL_BYTES and not packed:
        return work(*arguments, *([report] if report is not None else []))
    if packed:  # more than this is refused, however well it compresses
        size = min(size * MOST_UNPACKED, settings.SLMGEN_MAX_UPLOAD_BYTES)
    budget = budget_for(size)
    release_connection()
    with ExitStack() as stack:
        stack.enter_context(slots.acquire(client_now.get(), SECONDS_TO_WAIT))
        if bounded.is_file(source):
            source = stack.enter_context(on_disk(source))
        return bounded.run(work, source, *arguments[1:], budget=budget, report=report)


@contextmanager
def temporary_file() -> Iterator[BinaryIO]:
    with TemporaryFile(dir=settings.FILE_UPLOAD_TEMP_DIR) as file:
        yield cast("BinaryIO", file)


@contextmanager
def on_disk(source: BinaryIO) -> Iterator[BinaryIO]:
    """The source as a file that another process can read."""
    try:
        source.fileno()
    except OSError:  # in memory, or in a remote storage
        with temporary_file() as copy:
            copyfileobj(source, copy)
            copy.seek(0)
            yield copy
    else:
        yield source
