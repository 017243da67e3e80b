"""A backup of a running server, restored elsewhere, is the same server."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest

from tests.conftest import GUARD_SECONDS, REPO, started
from tests.sources import own, real


def run(script, *arguments, var, check=True, **variables):
    place = {"SLMGEN_VAR": str(var), "PYTHON": sys.executable}
    environment = {**os.environ, **place, **variables}
    return subprocess.run(
        [REPO / "deploy" / script, *map(str, arguments)], env=environment, check=check,
        capture_output=True, text=True, timeout=GUARD_SECONDS,
    )  # fmt: skip


@pytest.fixture
def empty():
    """The variables of an empty database: with SQLite, a folder alone is enough."""
    address = os.environ.get("DATABASE_URL")
    if not address:
        yield {}
        return
    with psycopg.connect(address, autocommit=True) as server:
        server.execute("CREATE DATABASE restored")
        yield {"DATABASE_URL": urlsplit(address)._replace(path="/restored").geturl()}
        server.execute("DROP DATABASE restored WITH (FORCE)")


@pytest.mark.parametrize(
    "source", [own("word_problems.chat.jsonl"), real("gsm8k_1500.chat.jsonl")]
)
def test_a_restored_backup_answers_as_the_server_did(tmp_path, source, empty):
    here, there = tmp_path / "here", tmp_path / "there"
    there.mkdir()
    with (
        started(here) as (port, _),
        httpx.Client(
            base_url=f"http://localhost:{port}", timeout=GUARD_SECONDS
        ) as client,
    ):
        file = source.path.read_bytes()
        session = client.post("/upload", files={"file": file}).json()["session_id"]
        made = client.post("/generate", json={"session_id": session}).json()
        asked = [
            f"/analyze/{session}",
            f"/preview/{session}?page=3",
            made["download_url"],
        ]
        before = [client.get(path).content for path in asked]
        folder = run("backup.sh", tmp_path / "backups", var=here).stdout.strip()
    run("restore.sh", folder, var=there, **empty)

    with (
        started(there, **empty) as (port, _),
        httpx.Client(
            base_url=f"http://localhost:{port}", timeout=GUARD_SECONDS
        ) as client,
    ):
        after = [client.get(path).content for path in asked]

    assert after == before
    assert (there / "secret_key").read_text() == (here / "secret_key").read_text()


@pytest.fixture
def backup(tmp_path):
    var = tmp_path / "var"
    (var / "files").mkdir(parents=True)
    (var / "files" / "a").write_text("a")
    (var / "files" / "a").chmod(0o600)
    subprocess.run(
        [sys.executable, "-c", "import sqlite3, sys; sqlite3.connect(sys.argv[1])"
         ".executescript('CREATE TABLE t (x)')", var / "slmgen.sqlite3"], check=True,
    )  # fmt: skip
    done = run("backup.sh", tmp_path / "backups", var=var)
    return var, done.stdout.strip()


def tool(folder, name, script):
    """`name`, found before the system's, runs `script`; $REAL is the system's."""
    folder.mkdir()
    file = folder / name
    file.write_text(f"#!/bin/sh\nREAL={shutil.which(name)}\n{script}\n")
    file.chmod(0o755)
    return {"PATH": f"{folder}:{os.environ['PATH']}"}


def test_files_that_go_while_tar_reads_the_folder_are_no_failure(backup, tmp_path):
    """Those of rows cannot; tar reports the others with the status 1."""
    var, _ = backup
    tar = tool(tmp_path / "tools", "tar", '"$REAL" "$@"; exit 1')

    done = run("backup.sh", tmp_path / "backups", var=var, **tar)

    assert Path(done.stdout.strip(), "SHA256SUMS").exists()


def test_a_backup_that_fails_says_so_and_leaves_nothing(backup, tmp_path):
    var, folder = backup
    tar = tool(tmp_path / "tools", "tar", '"$REAL" "$@"; exit 2')

    done = run("backup.sh", tmp_path / "backups", var=var, check=False, **tar)

    assert done.returncode == 1
    assert "tar did not copy the files" in done.stderr
    assert list((tmp_path / "backups").iterdir()) == [Path(folder)]


@pytest.mark.parametrize("var", ["nowhere", "empty"])
def test_a_folder_that_is_no_server_s_is_not_backed_up(tmp_path, var):
    (tmp_path / "empty" / "files").mkdir(parents=True)

    done = run("backup.sh", tmp_path / "backups", var=tmp_path / var, check=False)

    assert done.returncode == 1
    assert str(tmp_path / var) in done.stderr
    assert list((tmp_path / "backups").iterdir()) == []


def test_old_backups_are_deleted(backup, tmp_path):
    var, folder = backup
    os.utime(folder, (0, 0))

    done = run("backup.sh", tmp_path / "backups", var=var)

    assert list((tmp_path / "backups").iterdir()) == [Path(done.stdout.strip())]


@pytest.mark.skipif(os.getuid() != 0, reason="only root gives files to others")
def test_what_root_restores_belongs_to_the_owner_of_the_folder(backup, tmp_path):
    """As under systemd, where a link leads to the folder of the service's user."""
    _, folder = backup
    var, link = tmp_path / "private" / "slmgen", tmp_path / "link"
    var.mkdir(parents=True)
    os.chown(var, 61184, 61185)
    link.symlink_to(var)

    run("restore.sh", folder, var=link)

    restored = {var, *var.rglob("*")}
    owners = {(path.lstat().st_uid, path.lstat().st_gid) for path in restored}
    assert {path.name for path in restored} >= {"slmgen.sqlite3", "files", "a"}
    assert owners == {(61184, 61185)}
    assert [path for path in restored - {var} if path.stat().st_mode & 0o077] == []


def test_a_backup_is_not_restored_over_data(backup):
    var, folder = backup

    done = run("restore.sh", folder, var=var, check=False)

    assert done.returncode == 1
    assert "holds data already" in done.stderr


def test_a_damaged_backup_is_not_restored(backup, tmp_path):
    _, folder = backup
    with Path(folder, "files.tar").open("ab") as file:
        file.write(b"x")

    done = run("restore.sh", folder, var=tmp_path / "empty", check=False)

    assert done.returncode == 1
    assert not (tmp_path / "empty").exists()


def test_a_backup_is_nobody_else_s_to_read(backup):
    _, folder = backup

    assert Path(folder).stat().st_mode & 0o077 == 0
    assert [
        path for path in Path(folder).iterdir() if path.stat().st_mode & 0o077
    ] == []
