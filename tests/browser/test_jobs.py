"""History, job and comparison in every look; a job followed while it runs."""

import pytest

from tests.browser.conftest import Look
from tests.browser.jobs import connect, make_job, session_of

pytestmark = pytest.mark.browser

PLAIN = Look()
LOOKS = [
    PLAIN,
    Look(width=360, scheme="dark"),
    Look(script=False),
    Look(script=False, width=360, scheme="dark"),
]


@pytest.fixture(scope="module")
def session(server, account):
    return session_of(server, account[0])


@pytest.fixture
def visit_signed_in(visit, session):
    def opened(look=PLAIN):
        visitor = visit(look)
        cookie = {"name": "sessionid", "value": session, "url": visitor.address}
        visitor.page.context.add_cookies([cookie])
        return visitor

    return opened


def run_to(notebook, step):
    notebook.report("log", 0, eval_loss=3.5)
    notebook.report("begin", 0)
    for at in range(6, step + 1, 6):
        notebook.report(step=at, loss=3 / at + 0.3)
        notebook.report(step=at, eval_loss=3.2 / at + 0.35)


@pytest.mark.parametrize("look", LOOKS, ids=str)
def test_every_page_of_jobs_in_every_look(visit_signed_in, look):
    visitor = visit_signed_in(look)
    page = visitor.page
    visitor.open("/app/jobs/?q=nothing-like-that")
    visitor.check()
    for model in ("qwen3-0.6b", "gemma-3-270m"):
        address = make_job(visitor, model=model)
        visitor.check()
        notebook = connect(visitor)
        run_to(notebook, 30)
        visitor.open(address)
        visitor.check()
        page.get_by_text("Step 30 of 60, 50 %").wait_for()
        page.get_by_text("Show as table").click()
        visitor.check()
        page.get_by_role("link", name="Logarithmic").click()
        page.wait_for_url("**scale=log**")
        visitor.check()

    visitor.open("/app/jobs/")
    for box in page.get_by_role("checkbox").all()[:2]:
        box.check()
    visitor.check()
    page.get_by_role("button", name="Compare those ticked").click()
    page.get_by_role("heading", name="2 jobs compared").wait_for()
    page.get_by_role("cell", name="Gemma 3 270M").first.wait_for()
    visitor.check()

    visitor.open(address)
    page.get_by_role("link", name="Clone").click()
    page.wait_for_url("**model=gemma-3-270m**")
    visitor.check()
    visitor.open(address)
    page.get_by_role("link", name="Delete").click()
    page.wait_for_url("**/delete/")
    visitor.check()
    page.get_by_role("button", name="Delete", exact=True).click()
    page.wait_for_url("**/app/jobs/")
    visitor.open(address, status=404)


def test_a_job_changes_without_a_reload_and_then_comes_to_rest(visit_signed_in):
    visitor = visit_signed_in()
    page = visitor.page
    make_job(visitor)
    notebook = connect(visitor)
    page.evaluate("document.body.dataset.marker = 'the same page'")
    statuses = []
    page.on(
        "response",
        lambda answer: "/live/" in answer.url and statuses.append(answer.status),
    )
    page.get_by_text("Waits for the first report").wait_for()

    run_to(notebook, 12)
    page.get_by_text("Step 12 of 60, 20 %").wait_for(timeout=10_000)
    page.get_by_text("Show as table").click()
    page.fill("#id_reason", "half a sentence")
    page.wait_for_timeout(4_000)
    notebook.report(step=18, loss=0.5)
    page.get_by_text("Step 18 of 60, 30 %").wait_for(timeout=10_000)

    # What was opened and written is still there.
    assert page.locator("#loss-table").get_attribute("open") is not None
    assert page.input_value("#id_reason") == "half a sentence"
    assert page.evaluate("document.body.dataset.marker") == "the same page"
    assert set(statuses) == {200, 304}
    visitor.check()

    notebook.report("end", 60)
    page.get_by_text("The training has ended well.").wait_for(timeout=10_000)
    assert page.evaluate("document.body.dataset.marker") == "the same page"


def test_a_job_that_was_given_up_is_asked_for_no_more(visit_signed_in):
    visitor = visit_signed_in()
    page = visitor.page
    make_job(visitor)
    run_to(connect(visitor), 6)
    page.get_by_text("Step 6 of 60").wait_for(timeout=10_000)

    page.fill("#id_reason", "The GPU was taken away")
    page.get_by_role("button", name="It failed").click()
    page.get_by_text("Set by you. The GPU was taken away").wait_for()
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.wait_for_timeout(4_000)

    assert asked == []
    visitor.check()


def test_who_wants_no_renewal_stops_it(visit_signed_in):
    visitor = visit_signed_in()
    page = visitor.page
    make_job(visitor)
    run_to(connect(visitor), 6)

    page.get_by_role("link", name="Stop that").click()
    page.wait_for_url("**live=off")
    page.wait_for_load_state("networkidle")
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.wait_for_timeout(4_000)

    assert asked == []


def test_without_script_the_page_loads_itself_again(visit_signed_in):
    visitor = visit_signed_in(Look(script=False))
    page = visitor.page
    make_job(visitor)
    notebook = connect(visitor)
    run_to(notebook, 6)

    page.get_by_text("Step 6 of 60").wait_for(timeout=15_000)


SUPPORT = [
    *("", "status/", "datasets/dataset/", "datasets/workitem/", "jobs/job/"),
    *("jobs/trainingrun/", "identity/apitoken/", "audit/auditevent/"),
]


@pytest.mark.parametrize("look", LOOKS[:2], ids=str)
def test_every_page_of_support_is_accessible(visit_signed_in, look):
    visitor = visit_signed_in(look)
    make_job(visitor)

    for path in SUPPORT:
        visitor.open(f"/admin/{path}")
        visitor.check()


@pytest.mark.parametrize("script", [True, False])
def test_support_sees_the_server_and_opens_content_on_record(visit_signed_in, script):
    visitor = visit_signed_in(Look(script=script))
    page = visitor.page
    make_job(visitor)

    visitor.open("/admin/status/")
    page.get_by_role("heading", name="Status", exact=True).wait_for()
    visitor.open("/admin/datasets/dataset/")
    page.locator("#result_list tbody a").first.click()
    page.get_by_role("link", name="Open its content").click()
    page.get_by_role("button", name="Open and record it").click()
    page.get_by_role("heading", name="Row 1", exact=True).wait_for()
    visitor.open("/admin/audit/auditevent/")
    page.get_by_text("open content").first.wait_for()
    assert visitor.faults == []
