"""Signs in and follows jobs before a real server."""

import json
import re
import subprocess
import sys
import urllib.request

from tests.conftest import REPO

SESSION = """
from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.sessions.backends.db import SessionStore
user = get_user_model().objects.get(username="{name}")
session = SessionStore()
session["_auth_user_id"] = str(user.pk)
session["_auth_user_backend"] = settings.AUTHENTICATION_BACKENDS[0]
session["_auth_user_hash"] = user.get_session_auth_hash()
session.create()
print("key:" + session.session_key)
"""


def make_support(server, name: str, password: str) -> None:
    """An account that may also do everything in the admin."""
    subprocess.run(
        [sys.executable, "manage.py", "createsuperuser", "--noinput",
         "--username", name, "--email", f"{name}@example.org"],
        cwd=REPO, check=True, capture_output=True,
        env={**server[1], "DJANGO_SUPERUSER_PASSWORD": password},
    )  # fmt: skip


def session_of(server, name: str) -> str:
    """A session key, as signing in would make one, whatever its page looks like."""
    return run_script(server, SESSION.format(name=name)).rpartition("key:")[2].strip()


def run_script(server, script: str) -> str:
    """Runs it beside the server, on the same database; gives what it prints."""
    done = subprocess.run(
        [sys.executable, "manage.py", "shell", "-c", script],
        cwd=REPO, env=server[1], check=True, capture_output=True, text=True,
    )  # fmt: skip
    return done.stdout


class Notebook:
    """Reports as a notebook does: by HTTP, with the two lines of the job's page."""

    def __init__(self, lines: str, steps: int = 60) -> None:
        _, self.url, _, self.token, _ = lines.split('"')
        self.steps = steps

    def report(self, event="log", step=0, **values) -> None:
        body = {"event": event, "step": step, "steps": self.steps, **values}
        request = urllib.request.Request(
            self.url,
            data=json.dumps(body).encode(),
            headers={
                "Content-Type": "application/json",
                "Authorization": f"Bearer {self.token}",
            },
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert answer.status == 204


def make_job(visitor, sample="Classification", model="qwen3-0.6b"):
    """Leads from a sample to the page of its job."""
    page = visitor.page
    visitor.open("/app/")
    page.get_by_role("button", name=sample).click()
    page.wait_for_url("**/app/datasets/*/")
    data = page.url.removeprefix(visitor.address)
    visitor.open(f"{data}training/?model={model}")
    page.get_by_role("button", name="Make the notebook").click()
    page.wait_for_url("**/app/notebooks/*/")
    visitor.open("/app/jobs/")
    page.get_by_role("row").nth(1).get_by_role("link").first.click()
    page.wait_for_url(re.compile("/app/jobs/[0-9a-f-]+/$"))
    return page.url.removeprefix(visitor.address)


def connect(visitor, steps=60):
    page = visitor.page
    page.get_by_role("button", name="Make a secret").click()
    lines = page.get_by_label("Lines to copy").inner_text()
    visitor.check()
    page.get_by_role("link", name="to the job").click()
    page.wait_for_url(re.compile("/app/jobs/[0-9a-f-]+/$"))
    return Notebook(lines, steps)
