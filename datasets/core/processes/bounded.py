"""A computation in a process of its own, under limits of memory and CPU time.

What strangers send may make any reader slow or large. Here it can only end its own
process: whoever asked waits for the answer without holding Python's lock, and is told
by an exception what was exceeded.
"""

import multiprocessing
import os
import resource
import signal
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from io import SEEK_END
from multiprocessing import forkserver, util
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from multiprocessing.reduction import DupFd
from pathlib import Path
from threading import Lock, Thread
from typing import Any, BinaryIO, TypeVar

from datasets.core.readers.rows import Progress
from slmgen.errors import InvalidInput, SlmgenError, Unavailable

Answer = TypeVar("Answer")

MEMORY = Path("/proc/self/statm")  # of this process, in pages
LONGEST_FOLDER, SHORT_FOLDER = 70, "/tmp"  # bytes
PRELOADED = ["datasets.core.preload"]
SECONDS_BETWEEN_REPORTS = 0.1
NICENESS = 5  # below the web server, which must answer meanwhile
GRACE_SECONDS = 5  # of CPU time, between being told to stop and being stopped
RETRY_SECONDS = 5
# How a process ends whose native code ran out of memory or met what it cannot read.
CRASHES = {signal.SIGABRT, signal.SIGSEGV, signal.SIGBUS, signal.SIGILL, signal.SIGFPE}

_choosing = Lock()


@dataclass(frozen=True)
class Budget:
    """What a computation may take."""

    cpu_seconds: int
    memory_bytes: int  # of address space, beyond what a new process has


class Failed(Exception):
    """A computation broke; `places` is where, without the words of its exception,
    which may quote data."""

    def __init__(self, name: str, places: str) -> None:
        super().__init__(name, places)
        self.name = name
        self.places = places

    def __str__(self) -> str:
        return f"{self.name} in a process of its own\n{self.places}"


def run(
    work: Callable[..., Answer],
    *arguments: Any,
    budget: Budget,
    report: Progress | None = None,
) -> Answer:
    """`work(*arguments)`, done by another process that may take `budget`; with a
    `report`, that is the last argument.

    Files among the arguments are shared; the position in them afterwards is their
    start. Raises what `work` raises, InvalidInput where it takes too much, and Failed
    where it breaks.
    """
    files = [each for each in arguments if is_file(each)]
    for file in files:
        _forget_place(file)
    # Forked from a process that has the engine loaded, and no threads or sockets.
    prepare()
    context = multiprocessing.get_context("forkserver")
    receiver, sender = context.Pipe(duplex=False)
    sent = [_Shared(each.fileno()) if is_file(each) else each for each in arguments]
    process = context.Process(
        target=_work, args=(sender, budget, work, sent, bool(report))
    )
    with ExitStack() as stack:
        stack.callback(receiver.close)
        with sender:
            process.start()
        stack.callback(_end, process)
        answer = _answer(receiver, process, budget, report)
    for file in files:
        _forget_place(file)
        file.seek(0)
    return answer  # type: ignore[no-any-return]  # what `work` returned


def prepare() -> None:
    """Starts loading the engine into the process that the others are forked from, so
    that the first of them need not wait for it."""
    _choose_folder()
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    forkserver.ensure_running()


def _choose_folder() -> None:
    """Has multiprocessing make the folder of its sockets where they fit: an address has
    107 bytes at most, and the temporary folder may lie deep below the state."""
    usual = tempfile.gettempdir()
    config = multiprocessing.current_process()._config  # type: ignore[attr-defined]
    if len(os.fsencode(config.get("tempdir") or usual)) <= LONGEST_FOLDER:
        return
    with _choosing:
        config.pop("tempdir", None)  # Celery has one made before
        tempfile.tempdir = SHORT_FOLDER
        try:
            util.get_temp_dir()  # made once, and removed at the end
        finally:
            tempfile.tempdir = usual


def is_file(value: object) -> bool:
    return hasattr(value, "fileno")


def _forget_place(file: BinaryIO) -> None:
    """Writes what is buffered, and forgets what was read ahead: the other process moves
    the position that both share."""
    file.seek(0, SEEK_END)


class _Shared:
    """An open file on its way to another process."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __reduce__(self) -> tuple[Any, ...]:
        return _received, (DupFd(self.number),)


def _received(handle: Any) -> BinaryIO:
    file = os.fdopen(handle.detach(), "r+b")
    file.seek(0)
    return file


def _answer(
    receiver: Connection,
    process: BaseProcess,
    budget: Budget,
    report: Progress | None,
) -> Any:
    while True:
        try:
            kind, value = receiver.recv()
        except EOFError:
            process.join()
            raise _fate(process.exitcode or 0, budget) from None
        if kind == "answer":
            return value
        if kind == "error":
            raise value
        if report is not None:
            report(value)


def _fate(code: int, budget: Budget) -> SlmgenError:
    """Why a process ended that gave no answer."""
    if code == -signal.SIGXCPU:
        return too_slow(budget)
    if -code in CRASHES:
        return InvalidInput(
            "The data cannot be read: it stopped the program that reads it, or took "
            f"more than {budget.memory_bytes // 10**6:,} MB of memory; write the file "
            "again, or split it."
        )
    return Unavailable(
        "Reading the data was stopped by the server, which may be short of memory; "
        f"try again in {RETRY_SECONDS} seconds.",
        RETRY_SECONDS,
    )


def too_slow(budget: Budget) -> InvalidInput:
    return InvalidInput(
        f"The data takes more than {budget.cpu_seconds:,} seconds to compute, the most "
        "for data of this size; split the file, or remove its longest and strangest "
        "rows."
    )


def too_much_memory(budget: Budget) -> InvalidInput:
    return InvalidInput(
        f"The data takes more than {budget.memory_bytes // 10**6:,} MB of memory to "
        "read; split the file, or shorten its longest rows."
    )


def _end(process: BaseProcess) -> None:
    process.kill()
    process.join()


# In the other process.


def _work(
    sender: Connection,
    budget: Budget,
    work: Callable[..., Any],
    arguments: list[Any],
    reports: bool,
) -> None:
    Thread(target=_end_with_parent, daemon=True).start()
    os.nice(NICENESS)
    _limit(budget)
    if reports:
        arguments = [*arguments, _Reporter(sender)]
    try:
        answer = "answer", work(*arguments)
        for file in filter(is_file, arguments):
            file.flush()
    except MemoryError:
        answer = "error", too_much_memory(budget)
    except SlmgenError as error:
        answer = "error", error
    except Exception as error:  # whatever it is, its places are told
        answer = "error", _failure(error)
    sender.send(answer)


def _failure(error: Exception) -> Exception:
    if isinstance(error, OSError) and error.errno is not None:
        return OSError(error.errno, os.strerror(error.errno))  # such as a full disk
    # Imported when needed, which is hardly ever.
    import traceback

    return Failed(
        type(error).__name__, "".join(traceback.format_tb(error.__traceback__))
    )


def _limit(budget: Budget) -> None:
    if MEMORY.exists():  # on Linux; macOS does not limit address space
        pages = int(MEMORY.read_text().split()[0])
        most = pages * resource.getpagesize() + budget.memory_bytes
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
    seconds = budget.cpu_seconds
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + GRACE_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _end_with_parent() -> None:
    """A parent that was killed told nobody to stop."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


class _Reporter:
    """Sends progress, not more often than somebody could want to know it."""

    def __init__(self, sender: Connection) -> None:
        self.sender = sender
        self.sent_at = time.monotonic()

    def __call__(self, done: int) -> None:
        now = time.monotonic()
        if now - self.sent_at >= SECONDS_BETWEEN_REPORTS:
            self.sent_at = now
            self.sender.send(("progress", done))
