"""Measures the data engine against plain code and other checkers, on one file.

    python benchmarks/engine.py FOLDER [--examples 100000] [--repeats 3]

FOLDER holds small real datasets, from which the file is made (`corpus.py`). Every
workload runs in a process of its own, in turns; the table has medians. Memory is the
most that the process and its children had at one time (Linux only).
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.corpus import write_corpus
from benchmarks.workloads import WORKLOADS

SECONDS_BETWEEN_LOOKS = 0.02
PLAIN = "plain json and tiktoken"


def main() -> None:
    arguments = parse()
    if arguments.child:
        print(WORKLOADS[arguments.child](arguments.folder))
        return
    with tempfile.TemporaryDirectory(prefix="slmgen-bench-") as folder:
        path = Path(folder) / "corpus.jsonl"
        write_corpus(arguments.folder, path, arguments.examples)
        report(path, arguments)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--examples", type=int, default=100_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", nargs="*", help="names of workloads")
    parser.add_argument("--peer-python", default=sys.executable,
                        help="an interpreter that has Together's package")  # fmt: skip
    parser.add_argument("--child", help=argparse.SUPPRESS)
    return parser.parse_args()


def report(path: Path, arguments: argparse.Namespace) -> None:
    megabytes = path.stat().st_size / 1e6
    names = arguments.only or list(WORKLOADS)
    runs: dict[str, list[tuple[float, float, str]]] = {name: [] for name in names}
    for _ in range(arguments.repeats):
        for name in names:
            python = sys.executable
            if name.startswith("Together"):
                python = arguments.peer_python
            if (run := measured(python, name, path)) is not None:
                runs[name].append(run)
    print(f"{arguments.examples:,} examples, {megabytes:.1f} MB of JSON Lines\n")
    print("| what | MB/s | ratio to plain | peak MB | result |")
    print("|---|---:|---:|---:|---|")
    seconds = {n: statistics.median(r[0] for r in found)
               for n, found in runs.items() if found}  # fmt: skip
    for name, median in seconds.items():
        ratio = f"{seconds[PLAIN] / median:.1f}" if PLAIN in seconds else ""
        peak = max(run[1] for run in runs[name])
        print(
            f"| {name} | {megabytes / median:.1f} | {ratio} | {peak:.0f} "
            f"| {runs[name][0][2]} |"
        )
    for name in sorted(set(names) - set(seconds)):
        print(f"\n{name}: did not run here.")


def measured(python: str, name: str, path: Path) -> tuple[float, float, str] | None:
    """Wall seconds, peak MB and what it said; None when it failed."""
    command = [python, __file__, str(path), "--child", name]
    began = time.monotonic()
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    peak = 0.0
    while process.poll() is None:
        peak = max(peak, memory_of(process.pid))
        time.sleep(SECONDS_BETWEEN_LOOKS)
    seconds = time.monotonic() - began
    output = process.stdout.read() if process.stdout else ""
    return (seconds, peak, output.strip()) if process.returncode == 0 else None


def memory_of(pid: int) -> float:
    """Resident MB of a process and its children; memory they share counts once each."""
    total = 0.0
    for each in [pid, *children_of(pid)]:
        try:
            status = Path(f"/proc/{each}/status").read_text()
        except OSError:
            continue  # ended meanwhile
        fields = dict(line.split(":", 1) for line in status.splitlines())
        total += int(fields.get("VmRSS", "0").split()[0]) * 1024 / 1e6
    return total


def children_of(pid: int) -> list[int]:
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except OSError:
        return []
    return [int(child) for child in text.split()]


if __name__ == "__main__":
    main()
