"""Batches are answered in order, whoever does them."""

import io
import os
import signal
import subprocess
import sys
import time
from multiprocessing import get_context
from pathlib import Path

import pytest

from datasets.core.processes.parallel import MAX_PENDING, run_parallel
from datasets.core.readers.rows import LineBlock
from tests.conftest import REPO
from tests.datasets.processes import over_two, pid_and_text, slow_worker


@pytest.mark.parametrize("threads", [False, True])
@pytest.mark.parametrize("cores", [1, 2, 3])
def test_answers_come_in_the_order_of_the_items(cores, threads):
    items = range(-3 * MAX_PENDING, 0)
    found = run_parallel(abs, items, cores, threads=threads)

    assert list(found) == [(item, -item) for item in items]


@pytest.mark.parametrize(
    ("cores", "threads", "expected"),
    [(1, True, (1, 1)), (2, False, (2, 2)), (2, True, (1, 2)), (3, True, (2, 3))],
)
def test_with_threads_the_first_of_the_others_is_one(cores, threads, expected):
    items = range(20 * MAX_PENDING)
    found = {who for _, who in run_parallel(slow_worker, items, cores, threads=threads)}

    assert (len({pid for pid, _ in found}), len(found)) == expected


def test_items_are_not_read_far_ahead():
    read = []
    answers = run_parallel(abs, (read.append(n) or n for n in range(1_000)), 2)

    next(answers)

    assert len(read) <= MAX_PENDING + 1
    answers.close()


def texts_that_others_see(items, source):
    found = [answer for _, answer in run_parallel(pid_and_text, items, 2, source)]
    return {text for other, text in found if other != os.getpid()}


ITEMS = [LineBlock(at + 1, at * 4, b"old\n") for at in range(50 * MAX_PENDING)]


def test_lines_of_a_file_are_read_again_and_not_sent(tmp_path):
    path = tmp_path / "examples"
    path.write_bytes(b"new\n" * len(ITEMS))

    with path.open("rb") as source:
        assert texts_that_others_see(ITEMS, source) == {b"new\n"}


def test_lines_of_what_is_in_memory_are_sent():
    assert texts_that_others_see(ITEMS, io.BytesIO()) == {b"old\n"}


def test_a_file_that_became_shorter_is_no_result(tmp_path):
    path = tmp_path / "examples"
    path.write_bytes(b"ne")

    with path.open("rb") as source, pytest.raises(OSError, match="became shorter"):
        texts_that_others_see(ITEMS, source)


def test_a_daemon_which_may_start_no_other_does_all_itself():
    with get_context("spawn").Pool(1) as daemons:
        assert daemons.apply(over_two, ([-1, -2, -3],)) == [1, 2, 3]


ENDLESS = """
from datasets.core.processes.parallel import run_parallel
from tests.datasets.processes import pid
for _, other in run_parallel(pid, iter(int, 1), 2):
    print(other, flush=True)
"""


def test_nobody_outlives_a_process_that_was_killed():
    with subprocess.Popen(
        [sys.executable, "-c", ENDLESS], stdout=subprocess.PIPE, text=True, cwd=REPO
    ) as parent:
        pids = iter(map(int, parent.stdout))
        other = next(pid for pid in pids if pid != parent.pid)
        parent.send_signal(signal.SIGKILL)

    deadline = time.monotonic() + 20
    while is_alive(other) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not is_alive(other)


def is_alive(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0]
    except FileNotFoundError:
        return False
    return state != "Z"  # ended, and nobody has asked how
