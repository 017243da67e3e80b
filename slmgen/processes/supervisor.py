"""Keeps child processes running, and ends them with their parent."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from types import FrameType

STOP_SECONDS = 20
RESTART_SECONDS = 1.0
POLL_SECONDS = 0.2

PR_SET_PDEATHSIG = 1  # from linux/prctl.h

Process = subprocess.Popen[bytes]


def supervise(
    commands: Mapping[str, list[str]], locks: Mapping[str, int], cwd: Path
) -> None:
    """Restarts each process that ends; on SIGTERM or SIGINT stops them all.

    Each inherits the lock of its name, which stays taken while the process runs.
    """
    stopping = False

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal stopping
        stopping = True

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    start = partial(_start, end_with_parent=_end_with_parent(), cwd=cwd)
    running = {name: start(one, locks[name]) for name, one in commands.items()}
    while not stopping:
        for name, process in running.items():
            if process.poll() is not None and not stopping:
                time.sleep(RESTART_SECONDS)
                running[name] = start(commands[name], locks[name])
        time.sleep(POLL_SECONDS)
    _stop_all(list(running.values()))


def _start(
    command: list[str], lock: int, *, end_with_parent: Callable[[], None] | None,
    cwd: Path,
) -> Process:  # fmt: skip
    return subprocess.Popen(
        command, cwd=cwd, start_new_session=True, pass_fds=[lock],
        preexec_fn=end_with_parent,  # safe: there is only one thread here
    )  # fmt: skip


def _end_with_parent() -> Callable[[], None] | None:
    """Runs first in each child: the kernel then kills it when this process is killed.
    Only Linux can; elsewhere the inherited locks keep a second server away."""
    if sys.platform != "linux":
        return None
    parent = os.getpid()
    prctl = ctypes.CDLL(None).prctl

    def ask() -> None:
        prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL))
        if os.getppid() != parent:  # the parent died before the kernel was asked
            os._exit(1)

    return ask


def _stop_all(processes: list[Process]) -> None:
    for process in processes:
        process.terminate()
    deadline = time.monotonic() + STOP_SECONDS
    for process in processes:
        try:
            process.wait(max(deadline - time.monotonic(), 0.1))
        except subprocess.TimeoutExpired:
            process.kill()
