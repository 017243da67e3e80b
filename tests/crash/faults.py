"""What else happens to a server: a full disk, a locked database, SIGTERM."""

import os
import signal
import sqlite3
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx

from tests.crash.samples import rows
from tests.crash.server import Server

DISK_BYTES = 48 * 2**20


def files_of(var: Path) -> list[Path]:
    folders = (var / "files", var / "tmp")
    return [p for folder in folders for p in folder.rglob("*") if p.is_file()]


def uploads(var: Path) -> list[Path]:
    """The files without those that a worker has made of them, by then or not."""
    return [path for path in files_of(var) if not path.name.startswith("index-")]


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    folder.mkdir()
    size = f"size={DISK_BYTES}"
    subprocess.run(["mount", "-t", "tmpfs", "-o", size, "tmpfs", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


def full_disk(environment: dict[str, str], folder: Path) -> str:
    """Files of 30 MB need their space twice while they arrive."""
    if os.getuid() != 0:
        return "not tried: only root can make a small disk"
    with small_disk(folder / "disk") as var:
        server = Server({**environment, "SLMGEN_VAR": str(var)})
        try:
            answer = httpx.post(
                f"{server.address}/upload", files={"file": rows(30)}, timeout=60
            )
            assert answer.status_code == 507, answer.text
            assert server.get("/health") is not None
            server.until(lambda: not files_of(var))
            server.upload(rows(0.5))
        finally:
            server.stop()
    return "507, nothing left, `/health` answers, the next small upload is kept"


def locked_database(environment: dict[str, str]) -> str:
    server = Server(environment)
    connection = sqlite3.connect(
        Path(environment["SLMGEN_VAR"]) / "slmgen.sqlite3",
        isolation_level=None,
        check_same_thread=False,
    )
    connection.execute("BEGIN IMMEDIATE")
    threading.Timer(3, lambda: connection.execute("ROLLBACK")).start()
    started = time.monotonic()
    try:
        session = server.upload(rows(0.5))
        waited = time.monotonic() - started
        assert waited > 2.5, "the lock was not met"
        server.until(lambda: server.get(f"/analyze/{session}"))
    finally:
        server.stop()
        connection.close()
    return f"the upload waited {waited:.1f} s and was kept"


def told_to_stop(environment: dict[str, str], times: int) -> str:
    """An upload that meets SIGTERM is kept and answered, or it is not kept."""
    var, answered = Path(environment["SLMGEN_VAR"]), 0
    content = rows(12)
    for number in range(times):
        server = Server(environment)
        before = len(uploads(var))
        kept: list[str] = []

        def send(to: Server = server, into: list[str] = kept) -> None:
            with suppress(httpx.HTTPError, AssertionError):
                into.append(to.upload(content))

        thread = threading.Thread(target=send)
        thread.start()
        time.sleep(0.1 + 0.6 * number / times)
        server.process.send_signal(signal.SIGTERM)
        server.process.wait(60)
        thread.join()
        answered += len(kept)
        left = len(uploads(var)) - before
        assert left == (2 if kept else 0), f"{left} files are left"
    return f"{answered} of {times} were answered and are whole, the others left nothing"
