"""Measures the data engine against plain code and other checkers, on one file.

    python benchmarks/engine.py [FOLDER] [--examples 100000] [--repeats 3]

FOLDER holds small datasets, from which the file is made (`corpus.py`; `folders.py` says
which without it). Every workload runs in a process of its own, in turns; the table has
medians. Memory is the most that the process and its children had at one time (Linux
only), watched in a run whose time is not used: to look costs a twentieth of two
cores.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.corpus import write_corpus
from benchmarks.folders import small_datasets
from benchmarks.workloads import WORKLOADS

# Not a file: processes that a workload starts would import it, and all it imports.
CHILD = f"""import sys; sys.path.insert(0, {str(ROOT)!r})
from pathlib import Path
from benchmarks.workloads import WORKLOADS
print(WORKLOADS[sys.argv[1]](Path(sys.argv[2])))"""
SECONDS_BETWEEN_LOOKS = 0.02
PLAIN = "plain, form only"


def main() -> None:
    arguments = parse()
    with tempfile.TemporaryDirectory(prefix="slmgen-bench-") as folder:
        path = Path(folder) / "corpus.jsonl"
        write_corpus(small_datasets(arguments.folder), path, arguments.examples)
        report(path, arguments)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--examples", type=int, default=100_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", nargs="*", help="names of workloads")
    parser.add_argument("--peer-python", default=sys.executable,
                        help="an interpreter that has Together's package")  # fmt: skip
    return parser.parse_args()


def run_all(
    path: Path, names: list[str], arguments: argparse.Namespace
) -> tuple[dict[str, list["Run"]], dict[str, float]]:
    """The timed runs of each workload that runs here, and its peak memory in MB."""
    runs: dict[str, list[Run]] = {name: [] for name in names}
    peaks: dict[str, float] = {}
    for turn in range(arguments.repeats + 1):
        for name in names:
            python = sys.executable
            if name.startswith("Together"):
                python = arguments.peer_python
            run = measured(python, name, path, is_watched=turn == 0)
            if run is not None and turn == 0:
                peaks[name] = run.peak
            elif run is not None:
                runs[name].append(run)
    return runs, peaks


def report(path: Path, arguments: argparse.Namespace) -> None:
    megabytes = path.stat().st_size / 1e6
    names = arguments.only or list(WORKLOADS)
    runs, peaks = run_all(path, names, arguments)
    print(f"{arguments.examples:,} examples, {megabytes:.1f} MB of JSON Lines\n")
    print("| what | MB/s | MB per CPU second | ratio of CPU to plain | peak MB |")
    print("|---|---:|---:|---:|---:|")
    seconds = {
        n: median(r.seconds for r in found) for n, found in runs.items() if found
    }
    cpu = {
        n: median(r.cpu_seconds for r in found) for n, found in runs.items() if found
    }
    for name in seconds:
        ratio = f"{cpu[PLAIN] / cpu[name]:.1f}" if PLAIN in cpu else ""
        print(
            f"| {name} | {megabytes / seconds[name]:.1f} "
            f"| {megabytes / cpu[name]:.1f} | {ratio} | {peaks[name]:.0f} |"
        )
    for name in seconds:
        print(f"\n{name}: {runs[name][0].said}.")
    for name in sorted(set(names) - set(seconds)):
        print(f"\n{name}: did not run here.")


@dataclass(frozen=True)
class Run:
    seconds: float
    cpu_seconds: float  # of the process and its children
    peak: float  # MB; 0 where nobody watched
    said: str


def measured(python: str, name: str, path: Path, *, is_watched: bool) -> Run | None:
    """None when it failed."""
    command = [python, "-c", CHILD, name, str(path)]
    began = time.monotonic()
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},  # as the product sets it
    )  # fmt: skip
    peak = 0.0
    while is_watched and not os.waitid(
        os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT
    ):
        peak = max(peak, memory_of(process.pid))
        time.sleep(SECONDS_BETWEEN_LOOKS)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    output = process.stdout.read() if process.stdout else ""
    if process.returncode:
        return None
    return Run(seconds, usage.ru_utime + usage.ru_stime, peak, output.strip())


def memory_of(pid: int) -> float:
    """MB of a process and its children; pages that they share are divided by them."""
    total = 0.0
    for each in [pid, *children_of(pid)]:
        try:
            rollup = Path(f"/proc/{each}/smaps_rollup").read_text()
        except OSError:
            continue  # ended meanwhile
        fields = dict(line.split(":", 1) for line in rollup.splitlines()[1:])
        total += int(fields.get("Pss", "0").split()[0]) * 1024 / 1e6
    return total


def children_of(pid: int) -> list[int]:
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except OSError:
        return []
    return [int(child) for child in text.split()]


if __name__ == "__main__":
    main()
