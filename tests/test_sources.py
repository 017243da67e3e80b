"""Tests of real datasets run where SLMGEN_REAL_DATA names a folder, and only there."""

import os
import subprocess
import sys

import pytest

from tests.conftest import REPO
from tests.sources import REAL_FILES, VARIABLE

MODULE = "tests/datasets/core/privacy/test_detection.py"  # has nine of them


def run(*arguments, **variables):
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST")}
    environment.pop(VARIABLE, None)
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", MODULE,
         "-k", "whole_sets", *arguments],
        cwd=REPO, env={**environment, **variables}, capture_output=True, text=True,
        timeout=300,
    )  # fmt: skip


@pytest.mark.parametrize("processes", [(), ("-n", "2")], ids=["alone", "in two"])
def test_without_a_folder_they_are_left_out_and_counted_in_one_line(processes):
    done = run(*processes)

    line = f"9 tests of real datasets left out: {VARIABLE} names no folder.\n"
    assert done.returncode == 0, done.stdout
    assert done.stdout.count(line) == 1
    assert "9 passed" in done.stdout
    assert "skipped" not in done.stdout


def test_what_would_not_have_run_anyway_is_not_counted():
    assert "left out" not in run("-m", "not real_data").stdout


def test_with_a_folder_they_run(tmp_path):
    for name in REAL_FILES:
        (tmp_path / name).write_bytes(b"")

    done = run("--collect-only", "-m", "real_data", **{VARIABLE: str(tmp_path)})

    assert done.stdout.count("test_what_is_private_in_whole_sets") == 9
    assert "left out" not in done.stdout


def test_a_folder_that_is_not_there_is_an_error(tmp_path):
    done = run(**{VARIABLE: str(tmp_path / "none")})

    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert f"{VARIABLE} names {tmp_path}/none, which is no folder" in done.stderr


def test_a_folder_that_lacks_a_file_is_an_error(tmp_path):
    for name in REAL_FILES[1:]:
        (tmp_path / name).write_bytes(b"")

    done = run(**{VARIABLE: str(tmp_path)})

    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert f"which lacks {REAL_FILES[0]};" in done.stderr


def test_no_test_looks_for_files_beside_the_repository():
    beside = [
        path.relative_to(REPO).as_posix()
        for folder in ("tests", "benchmarks")
        for path in (REPO / folder).rglob("*.py")
        if "REPO.parent" in (text := path.read_text(encoding="utf-8"))
        or f"..{os.sep}shared" in text
    ]

    assert beside == ["tests/test_sources.py"]  # these words
