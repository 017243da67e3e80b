"""Many at once, against a server of its own on this machine; prints a table.

    python benchmarks/load.py [--seconds 5] [--only uploads large …]

It exits 1 when a promise is broken: an upload that is neither whole nor refused by 429
or 503, more than 400 MB of memory, /health slower than 2 s while uploads drip, a second
client not served within 1 s during a flood, two workers not 1.7 times faster than one.
"""

import argparse
import asyncio
import math
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path

import httpx
from load_workers import workers
from serving import MB, REPO, Rows, conversations, free_port, memory_mb, running


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


async def uploads(base: str, pid: int, seconds: float, folder: str) -> Rows:
    contents = [conversations(MB, seed) for seed in range(200)]
    statuses, whole, took = await upload_all(base, contents)
    refused = statuses[429] + statuses[503]
    kept = whole == statuses[200] and whole + refused == len(contents)
    return [
        ("200 uploads of 1 MB at once: kept whole", str(whole), kept),
        ("… refused with 429 or 503", str(refused), kept),
        ("… all answered after", f"{took:.1f} s", True),
    ]


async def large(base: str, pid: int, seconds: float, folder: str) -> Rows:
    contents = [conversations(25 * MB, 1_000 + seed) for seed in range(5)]
    before = memory_mb(pid)
    peak = before

    async def watch() -> None:
        nonlocal peak
        while True:
            peak = max(peak, memory_mb(pid))
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


async def drip(base: str, pid: int, seconds: float, folder: str) -> Rows:
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


async def slowest(port: int, address: str) -> float:
    """Seconds of the slowest of twenty requests on connections of their own; endless
    where one was not served."""
    times = []
    for _ in range(20):
        begun = time.monotonic()
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", port, local_addr=(address, 0)
        )
        writer.write(b"GET /models HTTP/1.1\r\nHost: localhost\r\n\r\n")
        served = (await reader.read(12)) == b"HTTP/1.1 200"
        times.append(time.monotonic() - begun if served else math.inf)
        writer.close()
    return max(times)


async def follow(port: int, job: str, token: str) -> tuple[int, asyncio.StreamWriter]:
    """The status of an event stream, and its connection, which stays open."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = (
        f"GET /jobs/{job}/training/stream HTTP/1.1\r\nHost: localhost\r\n"
        f"Authorization: Bearer {token}\r\n\r\n"
    )
    writer.write(head.encode())
    return int((await reader.read(12))[9:]), writer


def new_account(folder: str) -> dict[str, str]:
    """Made as an administrator makes one; gives what signs it in."""
    found = {"username": "load", "password": "load-load-load"}
    variables = {
        "SLMGEN_VAR": folder,
        "DJANGO_SUPERUSER_USERNAME": found["username"],
        "DJANGO_SUPERUSER_PASSWORD": found["password"],
        "DJANGO_SUPERUSER_EMAIL": "load@example.org",
    }
    subprocess.run(
        [sys.executable, "manage.py", "createsuperuser", "--no-input"],
        cwd=REPO, check=True, env={**os.environ, **variables},
    )  # fmt: skip
    return found


async def new_job(base: str, folder: str) -> tuple[str, str]:
    """A job, and a token of its owner."""
    async with client(base) as http:
        signed = await http.post("/auth/token", json=new_account(folder))
        token = str(signed.json()["access_token"])
        http.headers["Authorization"] = f"Bearer {token}"
        files = {"file": conversations(MB // 10, 7_000)}
        session = (await http.post("/upload", files=files)).json()["session_id"]
        made = await http.post("/jobs", json={"session_id": session})
        return str(made.json()["id"]), token


async def floods(base: str, pid: int, seconds: float, folder: str) -> Rows:
    port = int(base.rpartition(":")[2])
    rows: Rows = []

    async def second_clients(flood: str) -> None:
        for address, whose in (("127.0.0.2", "another"), ("127.0.0.1", "the same")):
            took = await slowest(port, address)
            what = f"{flood}: a client at {whose} address, slowest of 20"
            rows.append((what, f"{took * 1000:.0f} ms", took < 1))

    silent = [await asyncio.open_connection("127.0.0.1", port) for _ in range(500)]
    await second_clients("500 silent connections")
    for _, writer in silent:
        writer.close()
    job, token = await new_job(base, folder)
    streams = [await follow(port, job, token) for _ in range(400)]
    refused = sum(status == 429 for status, _ in streams)
    await second_clients("400 event streams of an account")
    rows.append(("… refused with 429", str(refused), refused > 300))
    for _, writer in streams:
        writer.close()
    return rows


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


async def requests(base: str, pid: int, seconds: float, folder: str) -> Rows:
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


Part = Callable[[str, int, float, str], Awaitable[Rows]]
PARTS: dict[str, Part] = {
    "uploads": uploads, "large": large, "drip": drip, "floods": floods,
    "requests": requests,
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
                rows += asyncio.run(part(base, pid, seconds, folder))
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
