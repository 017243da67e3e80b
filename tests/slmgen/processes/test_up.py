"""The command that everything is started by."""

import os
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.conftest import GUARD_SECONDS, REPO, free_port, started, until, wait_for
from tests.factories import make_lines

IDLE_MB = 150  # of each process; a vocabulary alone takes 60 to 130


def test_it_does_not_start_with_settings_that_cannot_work(tmp_path):
    environment = {**os.environ, "SLMGEN_VAR": str(tmp_path), "SLMGEN_ENCODING": "x"}

    done = subprocess.run(
        [sys.executable, "manage.py", "up"],
        cwd=REPO, env=environment, capture_output=True, text=True,
        timeout=GUARD_SECONDS,
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


def up(var, *arguments, before=(), **variables):
    """The command, for what ends by itself."""
    environment = {**os.environ, "SLMGEN_VAR": str(var), **variables}
    return subprocess.run(
        [*before, sys.executable, "manage.py", "up", *arguments],
        cwd=REPO, env=environment, capture_output=True, text=True,
        timeout=GUARD_SECONDS,
    )  # fmt: skip


@contextmanager
def running(var, port, *arguments):
    """The command as a process of its own, which a test may kill."""
    environment = {**os.environ, "SLMGEN_VAR": str(var), "PORT": str(port)}
    process = subprocess.Popen(
        [sys.executable, "manage.py", "up", *arguments], cwd=REPO, env=environment
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(GUARD_SECONDS)


def assert_one_sentence(done, *parts):
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    for part in parts:
        assert part in done.stderr


@pytest.mark.parametrize(
    ("variables", "parts"),
    [
        ({"PORT": "abc"}, ["PORT is 'abc'"]),
        ({"PORT": "70000"}, ["PORT is 70000", "1 to 65535"]),
        ({"HOST": "192.0.2.1"}, ["HOST=192.0.2.1", "no such address"]),
        ({"SLMGEN_VAR": "/dev/null"}, ["SLMGEN_VAR is '/dev/null'"]),
        ({"SLMGEN_VAR": "/proc/none/var"}, ["SLMGEN_VAR is '/proc/none/var'"]),
        ({"SLMGEN_SECRET_KEY_FILE": "/none"}, ["SLMGEN_SECRET_KEY_FILE", "/none"]),
        (
            {"DATABASE_URL": "postgresql://a:password@127.0.0.1:1/chats"},
            ["The database chats cannot be used", "DATABASE_URL"],
        ),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_what_cannot_start_says_so_in_a_sentence(tmp_path, variables, parts):
    done = up(tmp_path, **{"SLMGEN_VAR": str(tmp_path)} | variables)

    assert_one_sentence(done, *parts)
    assert "password" not in done.stderr


def test_a_file_that_is_no_database_is_named(tmp_path):
    (tmp_path / "slmgen.sqlite3").write_bytes(b"x" * 10_000)

    done = up(tmp_path, DATABASE_URL="")

    assert_one_sentence(done, "slmgen.sqlite3 cannot be used: file is not a database")


READ_ONLY = 'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && exec "$@"'


@pytest.mark.skipif(
    subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode != 0,
    reason="only root can mount a folder read-only",
)
@pytest.mark.parametrize("made", [False, True], ids=["empty", "after a start"])
def test_a_read_only_folder_of_state_is_named(tmp_path, made):
    var = tmp_path / "var"
    var.mkdir()
    if made:
        with started(var):
            pass

    done = up(var, before=["unshare", "-m", "sh", "-c", READ_ONLY, str(var)])

    assert_one_sentence(done, "SLMGEN_VAR", str(var))


def test_a_port_that_is_taken_is_named(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        done = up(tmp_path, HOST="127.0.0.1", PORT=str(port))

    assert_one_sentence(done, f"PORT={port}: another program listens there")


def test_a_folder_among_the_temporary_files_is_removed(tmp_path):
    (tmp_path / "tmp" / "left" / "over").mkdir(parents=True)

    with started(tmp_path):
        assert not (tmp_path / "tmp" / "left").exists()


def test_two_servers_do_not_share_a_folder(tmp_path):
    with started(tmp_path):
        upload = tmp_path / "tmp" / "an upload under way"
        upload.touch()
        done = up(tmp_path, PORT=str(free_port()))

        assert upload.exists()
    assert_one_sentence(done, f"SLMGEN (web) is already running on {tmp_path}")


def test_parts_share_a_folder_and_no_part_runs_twice(tmp_path):
    port = free_port()
    with running(tmp_path, port, "--only", "web") as web:
        wait_for(f"http://localhost:{port}/health", web)
        upload = tmp_path / "tmp" / "an upload under way"
        upload.touch()
        with running(tmp_path, port, "--only", "work") as work:
            until(lambda: work.poll() is not None or children_of(work.pid))
            again = up(tmp_path, "--only", "work")

            assert work.poll() is None
        assert upload.exists()
    assert_one_sentence(again, f"SLMGEN (work) is already running on {tmp_path}")


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel of Linux does it")
def test_when_the_supervisor_is_killed_its_processes_end_and_a_new_one_starts(tmp_path):
    port = free_port()
    address = f"http://localhost:{port}/health"
    with running(tmp_path, port) as first:
        wait_for(address, first)
        children = children_of(first.pid)
        first.send_signal(signal.SIGKILL)
        until(lambda: not any(map(is_alive, children)))
    with running(tmp_path, port) as second:
        wait_for(address, second)

        assert len(children) == 2


def is_alive(pid):
    """Not so, when it waits only for its new parent to take note of its end."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(") ")[2][0] != "Z"


def test_what_is_kept_is_nobody_else_s_to_read(tmp_path):
    tmp_path.chmod(0o755)  # as older versions left it
    with (
        started(tmp_path, SLMGEN_METRICS_TOKEN="x" * 20) as (port, environment),
        httpx.Client(
            base_url=f"http://localhost:{port}", timeout=GUARD_SECONDS
        ) as client,
    ):
        session = client.post("/upload", files={"file": make_lines()}).json()
        client.post("/generate", json={"session_id": session["session_id"]})
        subprocess.run(
            [sys.executable, "-c", LETTER], env=environment, cwd=REPO, check=True,
            timeout=GUARD_SECONDS,
        )  # fmt: skip
        found = {tmp_path, *tmp_path.rglob("*")}
        open_ = [path for path in found if path.lstat().st_mode & 0o077]

    kinds = {path.relative_to(tmp_path).parts[0] for path in found - {tmp_path}}
    assert {"files", "mail", "metrics", "run", "static", "secret_key"} <= kinds
    assert open_ == []


LETTER = """
import os
os.environ["DJANGO_SETTINGS_MODULE"] = "slmgen.settings"
import django
django.setup()
from django.core.mail import send_mail
send_mail("a", "b", None, ["me@example.org"])
"""
