"""Runs a computation in a process of its own, with limits on memory and CPU time.

Uploads may make any reader slow or large; here they can only end that process. The
caller waits without holding Python's lock, and gets an exception that names the limit.
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
LONGEST_FOLDER, SHORT_FOLDER = 70, "/tmp"  # bytes  # noqa: S108  # a folder of its own is made in it
PRELOADED = ["datasets.core.preload"]
SECONDS_BETWEEN_REPORTS = 0.1
NICENESS = 5  # lower priority than the web server, which must keep answering
GRACE_SECONDS = 5  # of CPU time, between the signal to stop and the kill
RETRY_SECONDS = 5
# Signals that end native code which ran out of memory or cannot read its input.
CRASHES = {signal.SIGABRT, signal.SIGSEGV, signal.SIGBUS, signal.SIGILL, signal.SIGFPE}

_folder_lock = Lock()


@dataclass(frozen=True)
class Budget:
    """The limits of a computation."""

    cpu_seconds: int
    memory_bytes: int  # of address space, beyond that of a new process


class Failed(Exception):
    """A computation failed. `stack` says where, without the message of the exception,
    which may quote data."""

    def __init__(self, name: str, stack: str) -> None:
        super().__init__(name, stack)
        self.name = name
        self.stack = stack

    def __str__(self) -> str:
        return f"{self.name} in a process of its own\n{self.stack}"


def run(
    work: Callable[..., Answer],
    *arguments: Any,
    budget: Budget,
    report: Progress | None = None,
) -> Answer:
    """`work(*arguments)` in another process, within `budget`. A `report` becomes the
    last argument.

    File arguments are shared and at their start afterwards. Raises what `work` raises,
    InvalidInput where it exceeds the budget, and Failed for unexpected exceptions.
    """
    files = [each for each in arguments if is_file(each)]
    for file in files:
        _drop_buffer(file)
    # Forked from a process that has loaded the engine and has no threads or sockets.
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
        _drop_buffer(file)
        file.seek(0)
    return answer  # type: ignore[no-any-return]  # what `work` returned


def prepare() -> None:
    """Starts loading the engine into the fork server, so that the first `run` need not
    wait for it."""
    _choose_folder()
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    forkserver.ensure_running()


def _choose_folder() -> None:
    """Lets multiprocessing create its sockets in a short path: an address has at most
    107 bytes, and the temporary folder may be deep below the state folder."""
    usual = tempfile.gettempdir()
    config = multiprocessing.current_process()._config  # type: ignore[attr-defined]
    if len(os.fsencode(config.get("tempdir") or usual)) <= LONGEST_FOLDER:
        return
    with _folder_lock:
        config.pop("tempdir", None)  # Celery has created one before
        tempfile.tempdir = SHORT_FOLDER
        try:
            util.get_temp_dir()  # created once, and removed at exit
        finally:
            tempfile.tempdir = usual


def is_file(value: object) -> bool:
    return hasattr(value, "fileno")


def _drop_buffer(file: BinaryIO) -> None:
    """Writes buffered data and drops what was read ahead, because the other process
    moves the shared position."""
    file.seek(0, SEEK_END)


class _Shared:
    """Sends an open file to another process."""

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
            raise _exit_error(process.exitcode or 0, budget) from None
        if kind == "answer":
            return value
        if kind == "error":
            raise value
        if report is not None:
            report(value)


def _exit_error(code: int, budget: Budget) -> SlmgenError:
    """The error for a process that ended without a result."""
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


# Below: code of the child process.


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
    except Exception as error:  # noqa: BLE001  # whatever it is, the parent gets its stack
        answer = "error", _failure(error)
    sender.send(answer)


def _failure(error: Exception) -> Exception:
    if isinstance(error, OSError) and error.errno is not None:
        return OSError(error.errno, os.strerror(error.errno))  # such as a full disk
    # Imported late: hardly ever needed.
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
    """Exits when the parent ends: a parent that was killed cannot stop its children."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


class _Reporter:
    """Sends progress at most every `SECONDS_BETWEEN_REPORTS`."""

    def __init__(self, sender: Connection) -> None:
        self.sender = sender
        self.sent_at = time.monotonic()

    def __call__(self, done: int) -> None:
        now = time.monotonic()
        if now - self.sent_at >= SECONDS_BETWEEN_REPORTS:
            self.sent_at = now
            self.sender.send(("progress", done))
