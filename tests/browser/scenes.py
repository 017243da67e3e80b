"""Every page of the product with something on it, for those who take its pictures.

All that is to be read comes from the product's own samples; each number of a curve was
reported to the server as a notebook reports it.
"""

import csv
import io
import json
import math
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from playwright.sync_api import Browser, BrowserContext

from datasets.samples import sample_file
from tests.browser.conftest import Look, Visitor
from tests.browser.jobs import Notebook, connect, make_job, make_support, session_of

OWNER, SUPPORT, PASSWORD = "ada", "support", "correct-horse-battery"
ACCOUNT = "/app/account/"
REFUSED = "User: What are your opening hours?\nShop: Nine to six.\n"


@dataclass(frozen=True)
class Scene:
    group: str
    name: str
    path: str
    who: str = OWNER  # whose window it is; "" is nobody's
    status: int = 200
    media: str = "screen"
    pasted: str = ""  # into the start page
    press: str = ""  # a button that leads to what is shown

    def show(self, visitor: Visitor) -> None:
        visitor.page.emulate_media(media=self.media)
        visitor.open(self.path, self.status)
        if self.pasted:
            visitor.refused = 400
            visitor.page.fill("#id_text", self.pasted)
        if self.press:
            visitor.page.get_by_role("button", name=self.press).click()
            visitor.page.wait_for_load_state()


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


def set_stage(server, browser: Browser) -> tuple[Stage, list[Scene]]:
    stage = Stage(server, browser, {})
    with stage.visitor("", Look()) as visitor:
        _sign_up(visitor)
    make_support(server, SUPPORT, PASSWORD)
    stage.keys = {who: session_of(server, who) for who in (OWNER, SUPPORT)}
    with stage.visitor(OWNER, Look()) as visitor:
        scenes = [*_data(visitor), *_jobs(visitor, stage), *_account(visitor)]
    with stage.visitor(SUPPORT, Look()) as visitor:
        scenes += _support(visitor)
    return stage, [Scene("way", "start", "/app/", who=""), *scenes, *_reading()]


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


def _data(visitor: Visitor) -> list[Scene]:
    table, tools = _table(visitor), _sample(visitor, "Tool calls")
    data = _sample(visitor, "Support chat")
    model = "?model=qwen3-1.7b"
    visitor.open(f"{data}training/{model}")
    visitor.page.get_by_role("button", name="Make the notebook").click()
    notebook = _path(visitor, "**/app/notebooks/*/")
    repair = "repair/?do=drop_exact_duplicates&do=fold_system"
    visitor.open(f"{data}closer/")
    visitor.page.get_by_role("heading", name="Languages").wait_for()
    visitor.open(f"{data}{repair}")
    visitor.page.get_by_role("button", name="Make the new version").click()
    visitor.page.get_by_text("This is a version").wait_for()
    version = visitor.page.url.removeprefix(visitor.address)
    return [
        Scene("way", "data", data),
        Scene("way", "model", f"{data}model/"),
        Scene("way", "training", f"{data}training/{model}&lora_rank=32"),
        Scene("way", "notebook", notebook),
        Scene("data", "rows", f"{tools}?row=2#row-2"),
        Scene("data", "row", f"{tools}rows/2/{model}"),
        Scene("data", "repair", f"{data}{repair}"),
        Scene("data", "version", version),
        Scene("data", "versions", f"{data}versions/"),
        Scene("data", "roles", f"{data}roles/"),
        Scene("data", "columns", f"{table}columns/"),
        Scene("data", "problems", f"{data}problems/"),
        Scene("data", "closer look", f"{data}closer/"),
        Scene("data", "work", f"{data}work/"),
        Scene("data", "on paper", data, media="print"),
        Scene("errors", "a refused upload", "/app/", who="", pasted=REFUSED,
              press="Analyze what I pasted"),
        Scene("errors", "nothing there", "/app/datasets/x/", who="", status=404),
        Scene("errors", "sign in first", "/app/jobs/", who=""),
    ]  # fmt: skip


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


def _jobs(visitor: Visitor, stage: Stage) -> list[Scene]:
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
    ids = [path.split("/")[-2] for path in (done, other, running)]
    compared = "&".join(f"job={each}" for each in ids)
    return [
        Scene("jobs", "job", done),
        Scene("jobs", "a running job", running),
        Scene("jobs", "a failed job", failed),
        Scene("jobs", "history", "/app/jobs/"),
        Scene("jobs", "compared", f"/app/jobs/compare/?{compared}"),
        Scene("jobs", "logarithmic", f"{done}?scale=log#losses"),
        Scene("jobs", "a job that waits", waiting),
        Scene("jobs", "delete a job", f"{waiting}delete/"),
        Scene("jobs", "connect a notebook", waiting, press="Make another secret"),
    ]


def _account(visitor: Visitor) -> list[Scene]:
    visitor.open(f"{ACCOUNT}tokens/")
    visitor.page.get_by_label("Name").fill("night build")
    visitor.page.get_by_role("button", name="Make the token").click()
    visitor.page.locator("#token").wait_for()
    entrances = {
        "sign up": "signup/", "sign in": "login/", "forgotten": "password/reset/",
        "e-mail on its way": "password/reset/done/",
    }  # fmt: skip
    own = {
        "overview": "", "tokens": "tokens/", "e-mail": "email/",
        "password": "password/change/", "connections": "connections/",
        "delete": "delete/", "sign out": "logout/",
    }  # fmt: skip
    return [
        *(Scene("account", n, ACCOUNT + p, who="") for n, p in entrances.items()),
        *(Scene("account", n, ACCOUNT + p) for n, p in own.items()),
    ]


def _support(
    visitor: Visitor, datasets: str = "/admin/datasets/dataset/"
) -> list[Scene]:
    visitor.open(datasets)
    row = visitor.page.locator("#result_list tbody a").first
    dataset = str(row.get_attribute("href")).removesuffix("change/")
    lists = {
        "index": "/admin/", "status": "/admin/status/", "datasets": datasets,
        "a dataset": f"{dataset}change/", "work": "/admin/datasets/workitem/",
        "jobs": "/admin/jobs/job/", "training runs": "/admin/jobs/trainingrun/",
        "tokens": "/admin/identity/apitoken/", "audit": "/admin/audit/auditevent/",
    }  # fmt: skip
    content = f"{dataset}content/"
    return [
        *(Scene("support", name, path, SUPPORT) for name, path in lists.items()),
        Scene("support", "before content", content, SUPPORT),
        Scene("support", "content", content, SUPPORT, press="Open and record it"),
    ]


def _reading() -> list[Scene]:
    pages = {
        "models": "/app/models/", "a model": "/app/models/qwen3-1.7b/",
        "models compared": "/app/models/?compare=qwen3-1.7b&compare=gemma-3-1b",
        "documents": "/app/docs/", "score": "/app/docs/score/",
        "issues": "/app/docs/issues/", "formats": "/app/docs/formats/",
    }  # fmt: skip
    return [Scene("reading", name, path, who="") for name, path in pages.items()]
