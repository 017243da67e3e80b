"""The command that everything is started by."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import REPO, started

IDLE_MB = 150  # of each process; a vocabulary alone takes 60 to 130


def test_it_does_not_start_with_settings_that_cannot_work(tmp_path):
    environment = {**os.environ, "SLMGEN_VAR": str(tmp_path), "SLMGEN_ENCODING": "x"}

    done = subprocess.run(
        [sys.executable, "manage.py", "up"],
        cwd=REPO, env=environment, capture_output=True, text=True, timeout=60,
    )  # fmt: skip

    assert done.returncode == 1
    assert "Tokens cannot be counted: unknown encoding 'x'" in done.stderr
    assert done.stderr.rstrip().endswith("SLMGEN does not start with these settings.")


@pytest.mark.skipif(sys.platform != "linux", reason="read from /proc, which Linux has")
def test_what_waits_for_work_holds_no_vocabulary(tmp_path):
    others = set(children_of(os.getpid()))
    with started(tmp_path):
        (up,) = set(children_of(os.getpid())) - others
        waiting = [up, *children_of(up)]

        sizes = {" ".join(command_of(pid)[1:3]): memory_of(pid) for pid in waiting}

    assert len(sizes) == 3
    assert max(sizes.values()) < IDLE_MB, sizes


def children_of(pid):
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def command_of(pid):
    return Path(f"/proc/{pid}/cmdline").read_text().split("\0")


def memory_of(pid):
    """Megabytes of its own, without what lies in files."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    (line,) = [line for line in lines if line.startswith("Anonymous:")]
    return int(line.split()[1]) / 1024
