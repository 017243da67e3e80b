"""A backup of a server that people write to holds the files of every row."""

import json
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import httpx

from tests.conftest import GUARD_SECONDS, REPO, started, until
from tests.deploy.test_backup import run, tool
from tests.factories import make_lines

BACKUPS = 5
WRITERS = 3
MODEL = "qwen3-0.6b"
USER = {"username": "me", "password": "correct-horse-battery"}
# Run beside a restored folder: what is missing there, and what can be analyzed.
LOOK = """
import json, sys, time
import django
django.setup()
from datetime import timedelta
from django.test import Client
from datasets.work.engine import work_once
from datasets.storage.files import differences
headers = {"Authorization": sys.argv[1]}
def answer(session):
    # What a worker was busy with during the backup is 202 until one takes it over.
    while True:
        found = Client().get(
            f"/analyze/{session}", headers=headers, HTTP_HOST="localhost"
        ).status_code
        if found != 202:
            return found
        if not work_once():
            time.sleep(0.1)
found = {
    "missing": [one.key for one in differences(timedelta(hours=2)).missing],
    "orphans": [one.key for one in differences(timedelta(hours=2)).orphans],
    "answers": {one: answer(one) for one in sys.argv[2:]},
}
print(json.dumps(found))
"""


class Person:
    """Somebody with an account who uploads and deletes."""

    def __init__(self, client):
        self.client = client
        answer = client.post("/auth/token", json=USER)
        self.bearer = {"Authorization": f"Bearer {answer.json()['access_token']}"}

    def upload(self):
        """A dataset with a job; gives the ids of both."""
        answer = self.client.post(
            "/upload", files={"file": make_lines()}, headers=self.bearer
        )
        assert answer.status_code == 200, answer.text
        session = answer.json()["session_id"]
        body = {"session_id": session, "model_id": MODEL}
        job = self.client.post("/jobs", json=body, headers=self.bearer)
        assert job.status_code == 201, job.text
        return session, job.json()["id"]

    def delete(self, job):
        answer = self.client.delete(f"/jobs/{job}", headers=self.bearer)
        assert answer.status_code == 204, answer.text


@contextmanager
def server_with_an_account(var):
    with (
        # Soon enough another worker takes over what one was busy with.
        started(var, SLMGEN_LEASE_SECONDS="2") as (port, environment),
        httpx.Client(
            base_url=f"http://localhost:{port}", timeout=GUARD_SECONDS
        ) as client,
    ):
        subprocess.run(
            [sys.executable, "manage.py", "createsuperuser", "--noinput",
             "--username", USER["username"], "--email", "me@example.org"],
            env={**environment, "DJANGO_SUPERUSER_PASSWORD": USER["password"]},
            cwd=REPO, check=True, timeout=GUARD_SECONDS, capture_output=True,
        )  # fmt: skip
        yield client


def restored(folder, var, person, sessions):
    """What rows and files of a restored backup say of each other."""
    run("restore.sh", folder, var=var)
    environment = {
        **os.environ,
        "SLMGEN_VAR": str(var),
        "DJANGO_SETTINGS_MODULE": "slmgen.settings",
    }
    done = subprocess.run(
        [sys.executable, "-c", LOOK, person.bearer["Authorization"], *sessions],
        env=environment, cwd=REPO, capture_output=True, text=True,
        timeout=GUARD_SECONDS,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_backups_beside_writers_hold_the_files_of_every_row(tmp_path):
    kept, failures, stop = [], [], threading.Event()

    def write(person):
        try:
            while not stop.is_set():
                kept.append(person.upload()[0])
                person.delete(person.upload()[1])
        except Exception as error:  # noqa: BLE001  # told by the assertion below
            failures.append(error)

    with server_with_an_account(tmp_path / "var") as client:
        people = [Person(client) for _ in range(WRITERS)]
        with ThreadPoolExecutor(WRITERS) as pool:
            for person in people:
                pool.submit(write, person)
            try:
                until(lambda: kept or failures)
                backups = []
                for _ in range(BACKUPS):
                    acknowledged = list(kept)
                    done = run(
                        "backup.sh", tmp_path / "backups", var=tmp_path / "var",
                        check=False,
                    )  # fmt: skip
                    backups.append((done, acknowledged))
            finally:
                stop.set()

    assert failures == []
    assert [done.stderr for done, _ in backups if done.returncode] == []
    for number, (done, acknowledged) in enumerate(backups):
        there = tmp_path / f"there{number}"
        found = restored(done.stdout.strip(), there, people[0], acknowledged)
        assert found["missing"] == found["orphans"] == []
        assert set(found["answers"].values()) == {200}, found


def test_what_is_deleted_during_a_backup_keeps_its_files_until_the_end(tmp_path):
    """tar waits here, between the copies of the database and of the files."""
    var, gate = tmp_path / "var", tmp_path / "gate"
    wait = f"touch {gate}; until [ -e {gate}.open ]; do sleep 0.1; done"
    slow = tool(tmp_path / "tools", "tar", f'{wait}; exec "$REAL" "$@"')
    with server_with_an_account(var) as client, ThreadPoolExecutor() as pool:
        person = Person(client)
        session, job = person.upload()
        backup = pool.submit(run, "backup.sh", tmp_path / "backups", var=var, **slow)
        try:
            until(gate.exists)
            person.delete(job)
            files = list((var / "files").rglob(f"*{session}*"))
        finally:
            gate.with_name("gate.open").touch()
        folder = backup.result().stdout.strip()
        # The worker deletes them when the backup has ended.
        until(lambda: not list((var / "files").rglob(f"*{session}*")))

    assert files
    found = restored(folder, tmp_path / "there", person, [session])
    assert found["missing"] == []
    assert found["answers"] == {session: 200}
