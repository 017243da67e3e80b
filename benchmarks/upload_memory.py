"""Uploads one large file to a server started for it and reports time and peak memory.

    python benchmarks/upload_memory.py FILE [FILE ...] [--megabytes 500]

The files (chat JSONL) are repeated until the upload has the wanted size. Peak memory is
`VmHWM` of the web server, the worker and the largest process that reads for them, which
includes what that shares with others; read from /proc, so Linux only.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from threading import Thread

import httpx
from serving import free_port

ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    arguments = parse()
    with tempfile.TemporaryDirectory(prefix="slmgen-bench-") as folder:
        upload = Path(folder) / "large.jsonl"
        write_upload(upload, arguments.files, arguments.megabytes * 10**6)
        port = free_port()
        environment = {
            **os.environ,
            "SLMGEN_VAR": str(Path(folder) / "var"),
            "PORT": str(port),
        }
        server = subprocess.Popen(
            [sys.executable, "manage.py", "up"], cwd=ROOT, env=environment
        )
        try:
            measure(f"http://127.0.0.1:{port}", upload, server.pid)
        finally:
            server.terminate()
            server.wait(30)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--megabytes", type=int, default=500)
    return parser.parse_args()


def write_upload(path: Path, files: list[Path], size: int) -> None:
    content = b"".join(file.read_bytes() for file in files)
    with path.open("wb") as target:
        while target.tell() + len(content) <= size:
            target.write(content)
        for line in content.splitlines(keepends=True):
            if target.tell() + len(line) > size:
                break
            target.write(line)


def measure(base: str, upload: Path, pid: int) -> None:
    with httpx.Client(base_url=base, timeout=600) as client:
        wait_for(client)
        idle = peaks(pid)
        Thread(target=watch, args=(pid, highest := {}), daemon=True).start()
        began = time.monotonic()
        with upload.open("rb") as file:
            answer = client.post("/upload", files={"file": ("large.jsonl", file)})
        answer.raise_for_status()
        uploaded = time.monotonic() - began
        session = answer.json()["session_id"]
        while (found := client.get(f"/analyze/{session}")).status_code == 202:
            print(found.json()["detail"], flush=True)
            time.sleep(5)
        analyzed = time.monotonic() - began - uploaded
        print("analysis:", found.json())
        pages = page_times(client, session, found.json()["total_examples"])
    print("\n| what | figure |\n|---|---:|")
    print(f"| upload | {upload.stat().st_size / 1e6:.0f} MB |")
    print(f"| received, checked and stored in | {uploaded:.1f} s |")
    print(f"| analyzed in | {analyzed:.1f} s |")
    for name, megabytes in highest.items():
        before = f" (idle {idle[name]:.0f})" if name in idle else ""
        print(f"| peak memory, {name} | {megabytes:.0f} MB{before} |")
    for name, milliseconds in pages.items():
        print(f"| {name} page of the preview, median of 20 | {milliseconds:.1f} ms |")


def wait_for(client: httpx.Client) -> None:
    for _ in range(300):
        try:
            if client.get("/health").is_success:
                return
        except httpx.TransportError:
            time.sleep(0.2)
    raise SystemExit("The server did not start.")


def page_times(client: httpx.Client, session: str, total: int) -> dict[str, float]:
    times = {}
    for name, page in {"first": 1, "last": -(-total // 5)}.items():
        runs = []
        for _ in range(20):
            began = time.monotonic()
            client.get(f"/preview/{session}", params={"page": page}).raise_for_status()
            runs.append(time.monotonic() - began)
        times[name] = 1000 * sorted(runs)[10]
    return times


def watch(parent: int, highest: dict[str, float]) -> None:
    """Keeps the highest peaks: those who read are gone as soon as they have."""
    while True:
        for name, megabytes in peaks(parent).items():
            highest[name] = max(megabytes, highest.get(name, 0))
        time.sleep(0.05)


def peaks(parent: int) -> dict[str, float]:
    """Peak resident memory in MB of the children of `parent`, and of the largest of
    those who read for them, by what they are."""
    found: dict[str, float] = {}
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            fields = dict(
                line.split(":\t", 1) for line in status.read_text().splitlines()
            )
            command = status.with_name("cmdline").read_text()
        except (OSError, ValueError):
            continue  # ended meanwhile, or a kernel thread
        name = "web server" if "uvicorn" in command else "worker"
        if "forkserver" in command:
            name = "a process that reads"
        elif fields["PPid"].strip() != str(parent):
            continue
        if "VmHWM" in fields:
            megabytes = int(fields["VmHWM"].split()[0]) * 1024 / 1e6
            found[name] = max(megabytes, found.get(name, 0))
    return found


if __name__ == "__main__":
    main()
