"""A server as it is after some days of use: people, data, and jobs with their losses.

All that is to be read comes from the product's own samples; each number of a curve was
reported to the server as a notebook reports it.
"""

import csv
import io
import json
import math
import random
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext

from datasets.samples import sample_file
from tests.browser.conftest import Look, Visitor
from tests.browser.jobs import (
    Notebook,
    connect,
    make_job,
    make_support,
    run_script,
    session_of,
)

OWNER, SUPPORT, PASSWORD = "ada", "support", "correct-horse-battery"
NEWCOMER = "grace"  # who has no password, as those who come by another server
ACCOUNT = "/app/account/"
NEW_PERSON = f"""
from django.contrib.auth import get_user_model
get_user_model().objects.create_user("{NEWCOMER}")
"""
# Its worker has claimed it and says nothing more, so the page waits as long as we look.
CLAIM = """
from datetime import timedelta
from django.db import transaction
from django.db.models.functions import Now
from datasets.work import engine
from datasets.models import Dataset
from datasets.work.results import analysis_of
item = analysis_of(Dataset.objects.get(pk="{key}"))
with transaction.atomic():
    engine.restart(item)
    item.refresh_from_db()
    claim = engine.claim_item(item)
    claim.write(progress=40, lease_until=Now() + timedelta(hours=1))
"""


@dataclass(frozen=True)
class Places:
    """The addresses of what is on the stage; each begins and ends with a slash."""

    data: str
    tools: str
    table: str
    version: str
    counting: str  # data whose analysis is under way
    notebook: str
    done: str  # this one and the next four are jobs
    other: str
    running: str
    failed: str
    waiting: str
    confirmation: str  # this and the next were sent by e-mail
    reset: str
    records: Mapping[str, str]  # of the admin: one of each kind that has any


@dataclass
class Stage:
    """A server with people, data and jobs, as they are after some days of use."""

    server: tuple[int, dict[str, str]]
    browser: Browser
    keys: dict[str, str]
    notebook: Notebook | None = None  # of the job that is running

    @property
    def address(self) -> str:
        return f"http://localhost:{self.server[0]}"

    @contextmanager
    def visitor(self, who: str, look: Look, **settings) -> Iterator[Visitor]:
        context: BrowserContext = self.browser.new_context(
            viewport={"width": look.width, "height": 900},
            color_scheme=look.scheme, **settings,
        )  # fmt: skip
        if who:
            cookie = {"name": "sessionid", "value": self.keys[who], "url": self.address}
            context.add_cookies([cookie])
        yield Visitor(context.new_page(), self.address, look)
        context.close()


def set_stage(server, browser: Browser) -> tuple[Stage, Places]:
    stage = Stage(server, browser, {})
    with stage.visitor("", Look()) as visitor:
        _sign_up(visitor)
    with stage.visitor("", Look()) as visitor:
        letters = _letters(visitor, Path(server[1]["SLMGEN_VAR"]))
    make_support(server, SUPPORT, PASSWORD)
    run_script(server, NEW_PERSON)
    people = (OWNER, SUPPORT, NEWCOMER)
    stage.keys = {who: session_of(server, who) for who in people}
    with stage.visitor(OWNER, Look()) as visitor:
        own = _data(visitor) | _jobs(visitor, stage)
        _make_token(visitor)
    run_script(server, CLAIM.format(key=own["counting"].split("/")[-2]))
    with stage.visitor(SUPPORT, Look()) as visitor:
        records = _records(visitor)
    return stage, Places(**own, **letters, records=records)


def _sign_up(visitor: Visitor) -> None:
    visitor.open(f"{ACCOUNT}signup/")
    page = visitor.page
    page.fill("#id_username", OWNER)
    page.fill("#id_email", f"{OWNER}@example.org")
    page.fill("#id_password1", PASSWORD)
    page.fill("#id_password2", PASSWORD)
    page.get_by_role("button", name="Make the account").click()
    page.get_by_role("link", name="Sign out").wait_for()


def _path(visitor: Visitor, pattern: str) -> str:
    visitor.page.wait_for_url(pattern)
    return visitor.page.url.removeprefix(visitor.address)


def _sample(visitor: Visitor, title: str) -> str:
    visitor.open("/app/")
    visitor.page.get_by_role("button", name=title).click()
    return _path(visitor, "**/app/datasets/*/")


def _table(visitor: Visitor) -> str:
    """A sample as a table whose columns have to be guessed."""
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow(["text", "category"])
    for line in sample_file("classification").read().splitlines():
        *_, asked, answered = json.loads(line)["messages"]
        rows.writerow([asked["content"], answered["content"]])
    file = {"name": "tickets.csv", "mimeType": "text/csv"}
    visitor.open("/app/")
    visitor.page.set_input_files(
        "#id_file", [{**file, "buffer": text.getvalue().encode()}]
    )
    visitor.page.get_by_role("button", name="Upload and analyze").click()
    return _path(visitor, "**/app/datasets/*/")


def _letters(visitor: Visitor, var: Path) -> dict[str, str]:
    """The links in them; a server without mail server keeps them as files."""
    visitor.open(f"{ACCOUNT}password/reset/")
    visitor.page.fill("#id_email", f"{OWNER}@example.org")
    visitor.page.get_by_role("button", name="Send").click()
    visitor.page.wait_for_url("**/password/reset/done/")
    sent = "".join(letter.read_text() for letter in (var / "mail").iterdir())
    return {
        "confirmation": re.search(rf"{ACCOUNT}confirm-email/[^\s/]+/", sent)[0],
        "reset": re.search(rf"{ACCOUNT}password/reset/key/[^\s/]+/", sent)[0],
    }


def _data(visitor: Visitor) -> dict[str, str]:
    table, tools = _table(visitor), _sample(visitor, "Tool calls")
    counting = _sample(visitor, "Classification")
    data = _sample(visitor, "Support chat")
    visitor.open(f"{data}model/")
    visitor.page.get_by_role("button", name="Rank the models").click()
    visitor.open(f"{data}training/?model=qwen3-1.7b")
    visitor.page.get_by_role("button", name="Make the notebook").click()
    notebook = _path(visitor, "**/app/notebooks/*/")
    visitor.open(f"{data}closer/")
    visitor.page.get_by_role("heading", name="Languages").wait_for()
    visitor.open(f"{data}repair/?do=drop_exact_duplicates&do=fold_system")
    visitor.page.get_by_role("button", name="Make the new version").click()
    visitor.page.get_by_text("This is a version").wait_for()
    return {
        "data": data, "tools": tools, "table": table, "counting": counting,
        "version": _path(visitor, "**/app/datasets/*/"), "notebook": notebook,
    }  # fmt: skip


def train(notebook: Notebook, start: float, to: int, pause: float = 0.02) -> None:
    """Reports as a training does, at the speed of a small one."""
    noise = random.Random(start)
    notebook.report(steps=notebook.steps, eval_loss=start)
    notebook.report("begin")
    for step in range(2, to + 1, 2):
        time.sleep(pause)
        loss = 0.4 + (start - 0.4) * math.exp(-step / 24)
        notebook.report(step=step, loss=loss * noise.uniform(0.9, 1.1))
        if step % 12 == 0:
            notebook.report(step=step, eval_loss=loss * 1.05 + step / 2_000)


def _job(visitor: Visitor, sample: str, model: str) -> tuple[str, Notebook]:
    path = make_job(visitor, sample, model)
    return path, connect(visitor, steps=120)


def _jobs(visitor: Visitor, stage: Stage) -> dict[str, str]:
    waiting, _ = _job(visitor, "Tool calls", "granite-4.0-1b")
    failed, notebook = _job(visitor, "Classification", "qwen3-0.6b")
    train(notebook, 2.9, 40)
    notebook.report("fail", 40, error="OutOfMemoryError")
    other, notebook = _job(visitor, "Support chat", "gemma-3-1b")
    train(notebook, 3.4, 120)
    notebook.report("end", 120)
    running, stage.notebook = _job(visitor, "Support chat", "qwen3-0.6b")
    train(stage.notebook, 2.6, 66, pause=0.3)
    done, notebook = _job(visitor, "Support chat", "qwen3-1.7b")
    train(notebook, 2.3, 120, pause=0.3)
    notebook.report("end", 120)
    return {
        "done": done, "other": other, "running": running, "failed": failed,
        "waiting": waiting,
    }  # fmt: skip


def _make_token(visitor: Visitor) -> None:
    visitor.open(f"{ACCOUNT}tokens/")
    visitor.page.get_by_label("Name").fill("night build")
    visitor.page.get_by_role("button", name="Make the token").click()
    if "reauthenticate" in visitor.page.url:  # its session is no recent sign-in
        visitor.page.fill("#id_password", PASSWORD)
        visitor.page.get_by_role("button", name="Continue").click()
        visitor.open(f"{ACCOUNT}tokens/")
        visitor.page.get_by_label("Name").fill("night build")
        visitor.page.get_by_role("button", name="Make the token").click()
    visitor.page.locator("#token").wait_for()


def _records(visitor: Visitor) -> dict[str, str]:
    """The first row of every list in the admin, by the list's address in it."""
    visitor.open("/admin/")
    lists = visitor.page.locator("#content-main th a")
    addresses = [str(link.get_attribute("href")) for link in lists.all()]
    records = {}
    for address in addresses:
        visitor.open(address)
        first = visitor.page.locator("#result_list tbody th a")
        if first.count():
            name = address.removeprefix("/admin/").removesuffix("/")
            records[name] = str(first.first.get_attribute("href"))
    return records
