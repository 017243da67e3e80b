"""The page of a job follows a training that really runs, before a real browser."""

import os
import re
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.browser.conftest import account, chromium, visit  # noqa: F401  # fixtures
from tests.browser.jobs import Notebook, session_of
from tests.notebooks.execution.conftest import (
    TOY,
    Tiny,
    make_notebook,
    make_task,
    run_tasks,
)

pytestmark = pytest.mark.execution

SLUG = "qwen3-0.6b"
BROKEN = (
    "class Broken(TrainerCallback):\n    def on_step_end(self, args, state, *a, **k):\n"
    "        if state.global_step == 20:\n"
    "            raise RuntimeError('a row of your data')\n"
    "trainer.add_callback(Broken())"
)
# Steps of a tiny model are over before anybody has looked.
SLOW = (
    "class Slow(TrainerCallback):\n    def on_step_end(self, *a, **k):\n"
    "        time.sleep(0.4)\ntrainer.add_callback(Slow())"
)


def open_job(visitor, folder):
    """The page of a new job for the toy data, and what connects its notebook."""
    page = visitor.page
    (folder / "toy.jsonl").write_bytes(TOY)
    visitor.open("/app/")
    page.set_input_files("#id_file", folder / "toy.jsonl")
    page.get_by_role("button", name="Upload and analyze").click()
    page.wait_for_url("**/app/datasets/*/")
    visitor.open(
        f"{page.url.removeprefix(visitor.address)}training/?model={SLUG}&max_steps=60"
    )
    page.get_by_role("button", name="Make the notebook").click()
    page.wait_for_url("**/app/notebooks/*/")
    visitor.open("/app/jobs/")
    page.get_by_role("link", name="toy.jsonl").first.click()
    page.get_by_role("button", name="Make a secret").click()
    notebook = Notebook(page.get_by_label("Lines to copy").inner_text())
    page.get_by_role("link", name="to the job").click()
    page.wait_for_url(re.compile("/app/jobs/[0-9a-f-]+/$"))
    return notebook


def picture(page, name):
    """Kept where SLMGEN_PICTURES says, for people to look at."""
    if folder := os.environ.get("SLMGEN_PICTURES"):
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


@pytest.fixture
def visitor(server, visit, account):  # noqa: F811  # the fixtures
    found = visit()
    key = session_of(server, account[0])
    cookie = {"name": "sessionid", "value": key, "url": found.address}
    found.page.context.add_cookies([cookie])
    return found


def test_the_page_follows_a_real_training(visitor, models, tmp_path):
    page = visitor.page
    notebook = open_job(visitor, tmp_path)
    page.evaluate("document.body.dataset.marker = 'the same page'")
    (model,) = models.paths([Tiny(SLUG)])
    task = make_task(
        tmp_path / "a", make_notebook(SLUG, "trl"), model,
        f"PROGRESS_URL = {notebook.url!r}\nPROGRESS_TOKEN = {notebook.token!r}",
        trainer=SLOW,
    )  # fmt: skip

    seen = []
    with ThreadPoolExecutor() as pool:
        running = pool.submit(run_tasks, "trl", {"a": task}, tmp_path)
        while not running.done():
            words = page.locator("#live").inner_text()
            if found := re.search(r"Step (\d+) of 60", words):
                step = int(found[1])
                if step not in seen:
                    seen.append(step)
                    picture(page, f"step-{step:02}")
            time.sleep(0.3)
            page.wait_for_timeout(10)  # lets the page work
        result = running.result()["a"]

    assert result["ok"], result["error"]
    page.get_by_text("The training has ended well.").wait_for(timeout=10_000)
    picture(page, "ended")
    assert seen == sorted(seen)
    assert len([step for step in seen if 0 < step < 60]) >= 4
    last = result["RUN"]["after"]["loss"]
    page.get_by_text("Show as table").click()
    assert f"{last:.4g}" in page.locator("#loss-table").inner_text()
    assert page.evaluate("document.body.dataset.marker") == "the same page"
    visitor.check()


def test_the_page_says_what_stopped_a_real_training(visitor, models, tmp_path):
    notebook = open_job(visitor, tmp_path)
    (model,) = models.paths([Tiny(SLUG)])
    task = make_task(
        tmp_path / "a", make_notebook(SLUG, "trl"), model,
        f"PROGRESS_URL = {notebook.url!r}\nPROGRESS_TOKEN = {notebook.token!r}",
        trainer=BROKEN,
    )  # fmt: skip

    result = run_tasks("trl", {"a": task}, tmp_path)["a"]

    assert not result["ok"]
    assert "a row of your data" in result["error"]
    said = visitor.page.get_by_text("The notebook stopped at step 20: RuntimeError")
    said.wait_for(timeout=10_000)
    assert "a row of your data" not in visitor.page.content()
    picture(visitor.page, "stopped")
