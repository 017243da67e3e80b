"""A real training that reports to the real server."""

import json
import subprocess
import sys
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.conftest import REPO
from tests.notebooks.execution.conftest import (
    TOY,
    Tiny,
    losses,
    make_notebook,
    make_task,
    run_tasks,
)

pytestmark = pytest.mark.execution


def ask(port, path, body=None, token="", method=None):
    """The answer of the real server, as JSON."""
    request = urllib.request.Request(
        f"http://localhost:{port}{path}",
        data=json.dumps(body).encode() if body is not None else None,
        headers={"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
        if token
        else {"Content-Type": "application/json"},
        method=method,
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.loads(answer.read())


def make_job(server, tmp_path):
    """The port, a token and the id of a job for the toy data, by the real server."""
    port, environment = server
    (tmp_path / "toy.jsonl").write_bytes(TOY)
    account = ["--noinput", "--username", "trainer", "--email", "t@example.org"]
    subprocess.run(
        [sys.executable, str(REPO / "manage.py"), "createsuperuser", *account],
        env={**environment, "DJANGO_SUPERUSER_PASSWORD": "correct-horse-battery"},
        check=True, capture_output=True,
    )  # fmt: skip
    who = {"username": "trainer", "password": "correct-horse-battery"}
    token = ask(port, "/auth/token", who)["access_token"]
    upload = subprocess.run(
        ["curl", "-s", "-F", f"file=@{tmp_path}/toy.jsonl", "-H",
         f"Authorization: Bearer {token}", f"http://localhost:{port}/upload"],
        check=True, capture_output=True,
    )  # fmt: skip
    session = json.loads(upload.stdout)["session_id"]
    return port, token, ask(port, "/jobs", {"session_id": session}, token)["id"]


def test_the_product_follows_a_real_training(server, models, tmp_path):
    port, token, job = make_job(server, tmp_path)
    secret = ask(port, f"/jobs/{job}/training/secret", {}, token)
    (model,) = models.paths([Tiny("qwen3-0.6b")])
    slow = "class Slow(TrainerCallback):\n    def on_step_end(self, *a, **k):\n"
    slow += "        time.sleep(0.1)\ntrainer.add_callback(Slow())"
    task = make_task(
        tmp_path / "a", make_notebook("qwen3-0.6b", "trl"), model,
        f"PROGRESS_URL = {secret['progress_url']!r}\n"
        f"PROGRESS_TOKEN = {secret['progress_token']!r}", trainer=slow,
    )  # fmt: skip

    states = set()
    with ThreadPoolExecutor() as pool:
        running = pool.submit(run_tasks, "trl", {"a": task}, tmp_path)
        while not running.done():
            states.add(ask(port, f"/jobs/{job}/training", token=token)["state"])
            time.sleep(0.5)
        found = running.result()["a"]

    assert found["ok"], found["error"]
    assert states >= {"pending", "running"}
    training = ask(port, f"/jobs/{job}/training", token=token)
    assert (training["state"], training["step"], training["steps"]) == (
        "completed", 60, 60,
    )  # fmt: skip
    points = ask(port, f"/jobs/{job}/training/events", token=token)
    told = [p["values"]["eval_loss"] for p in points if p["kind"] == "eval"]
    # The last step is measured twice; the later figure takes the place of the earlier.
    *during, _, last = losses(found)
    assert told[1:] == pytest.approx([*during, last], rel=1e-6)
    assert ask(port, f"/jobs/{job}", token=token)["status"] == "completed"
