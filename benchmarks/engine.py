"""Measures the data engine against plain code and other checkers, on two files.

    python benchmarks/engine.py [FOLDER] [--examples 100000] [--repeats 3]
                                [--beside CHECKOUT]

FOLDER holds small datasets, from which the files are made: one in which every text
occurs once, and one with repeated prompts and copies (`corpus.py`; `folders.py` says
which datasets without it). Every workload runs in a process of its own, in turns; the
tables have medians. Memory is the most that the process and its children had at one
time (Linux only), watched in a run whose time is not used: to look costs a twentieth of
two cores. With `--beside` the code of another checkout is measured in the same turns,
and the ratio is theirs to ours; without it, plain code's to ours.
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

from benchmarks.corpus import write_repeated, write_unrepeated
from benchmarks.folders import small_datasets
from benchmarks.workloads import WORKLOADS

# Not a file: processes that a workload starts would import it, and all it imports.
CHILD = """import sys; sys.path.insert(0, sys.argv[3])
from pathlib import Path
from benchmarks.workloads import WORKLOADS
print(WORKLOADS[sys.argv[1]](Path(sys.argv[2])))"""
CORPORA = {"unrepeated": write_unrepeated, "repeated": write_repeated}
SECONDS_BETWEEN_LOOKS = 0.02
PLAIN = "plain, form only"


def main() -> None:
    arguments = parse()
    with tempfile.TemporaryDirectory(prefix="slmgen-bench-") as folder:
        for name in arguments.corpora:
            path = Path(folder) / f"{name}.jsonl"
            CORPORA[name](small_datasets(arguments.folder), path, arguments.examples)
            report(path, arguments)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--examples", type=int, default=100_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--corpora", nargs="*", choices=CORPORA, default=list(CORPORA))
    parser.add_argument(
        "--beside", type=Path, help="another checkout of this repository"
    )
    parser.add_argument("--only", nargs="*", help="names of workloads")
    parser.add_argument("--peer-python", default=sys.executable,
                        help="an interpreter that has Together's package")  # fmt: skip
    return parser.parse_args()


Job = tuple[str, Path]  # a workload, of the code in a checkout


def run_all(
    path: Path, jobs: list[Job], arguments: argparse.Namespace
) -> tuple[dict[Job, list["Run"]], dict[Job, float]]:
    """The timed runs of each workload that runs here, and its peak memory in MB."""
    runs: dict[Job, list[Run]] = {}
    peaks: dict[Job, float] = {}
    for turn in range(arguments.repeats + 1):
        for job in jobs:
            python = sys.executable
            if job[0].startswith("Together"):
                python = arguments.peer_python
            run = measured(python, job, path, is_watched=turn == 0)
            if run is not None and turn == 0:
                peaks[job] = run.peak
            elif run is not None:
                runs.setdefault(job, []).append(run)
    return runs, peaks


def report(path: Path, arguments: argparse.Namespace) -> None:
    names = arguments.only or list(WORKLOADS)
    roots = [ROOT, arguments.beside.resolve()] if arguments.beside else [ROOT]
    runs, peaks = run_all(path, [(n, root) for n in names for root in roots], arguments)
    print_table(path, runs, peaks, arguments.examples)
    for job, found in runs.items():
        print(f"\n{label(job)}: {found[0].said}.")
    for name in sorted(set(names) - {name for name, _ in runs}):
        print(f"\n{name}: did not run here.")


def print_table(
    path: Path, runs: dict[Job, list["Run"]], peaks: dict[Job, float], examples: int
) -> None:
    megabytes = path.stat().st_size / 1e6
    cpu = {job: median(run.cpu_seconds for run in found) for job, found in runs.items()}
    print(f"\n{path.stem}: {examples:,} examples, {megabytes:.1f} MB of JSON Lines\n")
    print("| what | MB/s | MB per CPU second | ratio of CPU | peak MB |")
    print("|---|---:|---:|---:|---:|")
    for job, found in runs.items():
        speed = megabytes / median(run.seconds for run in found)
        others = [each for each in cpu if each[0] == job[0] and each[1] != ROOT]
        base = others[0] if others else (PLAIN, ROOT)
        ratio = f"{cpu[base] / cpu[job]:.2f}" if base in cpu else ""
        print(
            f"| {label(job)} | {speed:.1f} | {megabytes / cpu[job]:.1f} | {ratio} "
            f"| {peaks[job]:.0f} |"
        )


def label(job: Job) -> str:
    name, root = job
    return name if root == ROOT else f"{name}, {root.name}"


@dataclass(frozen=True)
class Run:
    seconds: float
    cpu_seconds: float  # of the process and its children
    peak: float  # MB; 0 where nobody watched
    said: str


def measured(python: str, job: Job, path: Path, *, is_watched: bool) -> Run | None:
    """None when it failed."""
    command = [python, "-c", CHILD, job[0], str(path), str(job[1])]
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
