"""Locks on files.

A lock is held until the last process that has the file open has ended, however it ends:
nothing has to be cleaned up after a crash.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SECONDS_BETWEEN_TRIES = 0.1


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Holds the lock inside the `with` block; waits for it without limit."""
    lock = _open(file)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def take(file: Path, patience: float = 0) -> int | None:
    """The lock, as an open file; None if another process holds it for longer than
    `patience` seconds."""
    lock = _open(file)
    last = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= last:
                os.close(lock)
                return None
            time.sleep(SECONDS_BETWEEN_TRIES)
        else:
            return lock


def is_free(file: Path) -> bool:
    lock = take(file)
    if lock is None:
        return False
    os.close(lock)
    return True


def _open(file: Path) -> int:
    return os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
