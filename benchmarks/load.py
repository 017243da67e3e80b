"""Many at once, against a server of its own on this machine; prints a table.

    python benchmarks/load.py [--seconds 5] [--only uploads large drip requests workers]

It exits 1 when a promise is broken: an upload that is neither whole nor refused by 429
or 503, more than 400 MB of memory, /health slower than 2 s while uploads drip, two
workers not 1.7 times faster than one.
"""

import argparse
import asyncio
import sqlite3
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path

import httpx
from load_workers import workers
from serving import MB, Rows, conversations, free_port, memory_mb, running


async def at_once(tasks: list[Awaitable[httpx.Response]]) -> list[httpx.Response]:
    return await asyncio.gather(*tasks)


def client(base: str) -> httpx.AsyncClient:
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
    return httpx.AsyncClient(base_url=base, timeout=300, limits=limits)


async def upload_all(
    base: str, contents: list[bytes]
) -> tuple[Counter[int], int, float]:
    """Statuses, how many of the accepted are whole, and seconds."""
    async with client(base) as http:
        begun = time.monotonic()
        answers = await at_once(
            [http.post("/upload", files={"file": content}) for content in contents]
        )
        seconds = time.monotonic() - begun
        whole = 0
        for content, answer in zip(contents, answers, strict=True):
            if answer.status_code == 200:
                session = answer.json()["session_id"]
                export = await http.get(f"/datasets/{session}/export")
                whole += export.content == content
    return Counter(answer.status_code for answer in answers), whole, seconds


async def uploads(base: str, pid: int, seconds: float) -> Rows:
    contents = [conversations(MB, seed) for seed in range(200)]
    statuses, whole, took = await upload_all(base, contents)
    refused = statuses[429] + statuses[503]
    kept = whole == statuses[200] and whole + refused == len(contents)
    return [
        ("200 uploads of 1 MB at once: kept whole", str(whole), kept),
        ("… refused with 429 or 503", str(refused), kept),
        ("… all answered after", f"{took:.1f} s", True),
    ]


async def large(base: str, pid: int, seconds: float) -> Rows:
    contents = [conversations(25 * MB, 1_000 + seed) for seed in range(5)]
    before = memory_mb(pid, "VmRSS")
    peak = before

    async def watch() -> None:
        nonlocal peak
        while True:
            peak = max(peak, memory_mb(pid, "VmRSS"))
            await asyncio.sleep(0.1)

    watching = asyncio.create_task(watch())
    _, whole, took = await upload_all(base, contents)
    watching.cancel()
    growth = peak - before
    return [
        ("5 uploads of 25 MB at once: kept whole", str(whole), whole == 5),
        ("… all answered after", f"{took:.1f} s", True),
        ("… memory of all processes, growth", f"{growth:.0f} MB", growth < 400),
    ]


async def drip(base: str, pid: int, seconds: float) -> Rows:
    port = int(base.rpartition(":")[2])
    head = (
        "POST /upload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 900000\r\n"
        "Content-Type: multipart/form-data; boundary=b\r\n\r\n"
    )

    async def one() -> bool:
        """Whether the server gave it up."""
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(head.encode())
        end = time.monotonic() + 30
        while time.monotonic() < end and not reader.at_eof():
            writer.write(b"x")
            try:
                answer = await asyncio.wait_for(reader.read(100), 1)
            except TimeoutError:
                continue
            writer.close()
            return answer.startswith(b"HTTP/1.1 408")
        writer.close()
        return False

    dripping = [asyncio.create_task(one()) for _ in range(60)]
    times = []
    async with client(base) as http:
        await asyncio.sleep(1)
        for _ in range(200):
            begun = time.monotonic()
            await http.get("/health")
            times.append(time.monotonic() - begun)
            await asyncio.sleep(0.05)
    given_up = sum(await asyncio.gather(*dripping))
    p95 = statistics.quantiles(times, n=20)[-1]
    return [
        (
            "60 dripping uploads: /health, 95th percentile",
            f"{p95 * 1000:.0f} ms",
            p95 < 2,
        ),
        ("… given up by the server with 408", str(given_up), given_up == 60),
    ]


async def rate(base: str, path: str, seconds: float) -> float:
    """Requests a second of eight clients that ask again and again."""
    count = 0
    end = time.monotonic() + seconds

    async def ask() -> None:
        nonlocal count
        async with httpx.AsyncClient(base_url=base, timeout=60) as http:
            while time.monotonic() < end:
                answer = await http.get(path)
                answer.raise_for_status()
                count += 1

    await asyncio.gather(*(ask() for _ in range(8)))
    return count / seconds


async def requests(base: str, pid: int, seconds: float) -> Rows:
    content = conversations(MB, 5_000)
    answer = httpx.post(f"{base}/upload", files={"file": content}, timeout=60)
    session = answer.json()["session_id"]
    port = free_port()
    bare = f"http://127.0.0.1:{port}"
    command = [
        *(sys.executable, "-m", "uvicorn", "benchmarks.bare:application"),
        *("--port", str(port), "--http", "h11", "--lifespan", "off"),
        *("--log-level", "warning"),
    ]
    rows: Rows = []
    with running(command, f"{bare}/bare"):
        least = await rate(bare, "/bare", seconds)
        rows.append(("a bare DRF view", f"{least:.0f} requests/s", True))
    for path in (f"/preview/{session}", f"/analyze/{session}", "/health"):
        found = await rate(base, path, seconds)
        name = path.replace(session, "{id}")
        rows.append((name, f"{found:.0f} requests/s ({found / least:.0%})", True))
    return rows


Part = Callable[[str, int, float], Awaitable[Rows]]
PARTS: dict[str, Part] = {
    "uploads": uploads, "large": large, "drip": drip, "requests": requests,
}  # fmt: skip


def measure(only: list[str], seconds: float) -> Rows:
    rows: Rows = []
    for name, part in PARTS.items():
        if name not in only:
            continue
        port = free_port()
        with tempfile.TemporaryDirectory() as folder:
            base = f"http://127.0.0.1:{port}"
            variables = {
                "SLMGEN_VAR": folder,
                "PORT": str(port),
                "SLMGEN_LOG_LEVEL": "ERROR",
            }
            command = [sys.executable, "manage.py", "up"]
            with running(command, f"{base}/health", **variables) as pid:
                rows += asyncio.run(part(base, pid, seconds))
            rows.append((f"… files without a row after {name}", *orphans(Path(folder))))
    if "workers" in only:
        rows += workers()
    return rows


def orphans(var: Path) -> tuple[str, bool]:
    with closing(sqlite3.connect(var / "slmgen.sqlite3")) as database:
        rows = database.execute("SELECT id FROM datasets_dataset").fetchall()
    known = {row[0].replace("-", "") for row in rows}
    left = {path.name.replace("-", "") for path in (var / "files/datasets").glob("*")}
    return str(len(left - known)), not left - known


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5)
    every = [*PARTS, "workers"]
    parser.add_argument("--only", nargs="+", choices=every, default=every)
    options = parser.parse_args()
    rows = measure(options.only, options.seconds)
    print("| what | figure |\n|---|---:|")
    for what, figure, is_kept in rows:
        print(f"| {what} | {figure}{'' if is_kept else ' **not as promised**'} |")
    sys.exit(not all(is_kept for _, _, is_kept in rows))


if __name__ == "__main__":
    main()
