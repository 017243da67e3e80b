"""Data and servers for the measurements beside this file."""

import os
import random
import re
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

REPO = Path(__file__).resolve().parent.parent
MB = 10**6
WORDS = Path(REPO / "LICENSE").read_text(encoding="utf-8").split()

Rows = list[tuple[str, str, bool]]  # what, figure, whether it is as promised


def conversations(size: int, seed: int) -> bytes:
    """About `size` bytes of English that no other seed makes."""
    pick = random.Random(seed)
    line = (
        '{{"messages": [{{"role": "user", "content": "{}"}}, '
        '{{"role": "assistant", "content": "{}"}}]}}\n'
    )
    made: list[str] = []
    length = 0
    while length < size:
        texts = (
            re.sub(r'["\\]', "", " ".join(pick.choices(WORDS, k=n))) for n in (20, 80)
        )
        made.append(line.format(*texts))
        length += len(made[-1])
    return "".join(made).encode()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(command: list[str], address: str, **variables: str) -> Iterator[int]:
    """A server until the block ends; gives its process id."""
    process = subprocess.Popen(command, cwd=REPO, env={**os.environ, **variables})
    try:
        for _ in range(300):
            try:
                urllib.request.urlopen(address, timeout=5).close()
                break
            except OSError:
                time.sleep(0.1)
        yield process.pid
    finally:
        process.terminate()
        process.wait(30)


def family(pid: int) -> list[int]:
    """A process and all that it started, in any of its threads."""
    children: list[str] = []
    with suppress(OSError):  # ended meanwhile
        for thread in Path(f"/proc/{pid}/task").iterdir():
            children += (thread / "children").read_text().split()
    return [pid, *(one for child in children for one in family(int(child)))]


def memory_mb(pid: int) -> float:
    """Of a process and all below it; what several share is counted once."""
    text = ""
    for one in family(pid):
        with suppress(OSError):  # ended meanwhile
            text += Path(f"/proc/{one}/smaps_rollup").read_text()
    return sum(map(int, re.findall(r"^Pss:\s+(\d+) kB", text, re.MULTILINE))) / 1000
