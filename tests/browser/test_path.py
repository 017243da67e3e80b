"""The whole way of a newcomer, in every look that pages have."""

import json
import time

import pytest

from tests.browser.conftest import Look
from tests.factories import jsonl, make_conversation
from tests.sources import own, real

pytestmark = pytest.mark.browser

LOOKS = [
    Look(script, width, scheme)
    for script in (True, False)
    for width in (360, 1440)
    for scheme in ("light", "dark")
] + [Look(width=320)]
WITH_TOOLS = [own("tool_calls.chat.jsonl"), real("glaive_toolcall_en.chat.jsonl")]
RIGHT_TO_LEFT = [own("reading_ar.chat.jsonl"), real("xquad_ar.chat.jsonl")]
TABLES = [own("intents.csv"), real("banking77.csv")]
MANY_ROWS = [own("word_problems.chat.jsonl"), real("gsm8k_1500.chat.jsonl")]
HOSTILE = '<img src=x onerror="alert(1)"><script>alert(2)</script>'


def upload(visitor, path):
    visitor.open("/app/")
    visitor.page.set_input_files("#id_file", path)
    visitor.page.get_by_role("button", name="Upload and analyze").click()
    visitor.page.wait_for_url("**/app/datasets/*/")


@pytest.mark.parametrize("look", LOOKS, ids=str)
@pytest.mark.parametrize("source", WITH_TOOLS)
def test_the_whole_way(visit, source, look, tmp_path):
    visitor = visit(look)
    page = visitor.page
    upload(visitor, source.path)
    visitor.check()

    page.get_by_role("link", name="Look closer").click()
    visitor.check()
    page.get_by_role("link", name="Back to the data").click()
    page.get_by_role("link", name="Row 3", exact=True).click()
    assert page.url.endswith("?row=3#row-3")
    visitor.check()

    page.get_by_role("link", name="Choose a model").click()
    visitor.check()
    page.get_by_label("Phone").check()
    page.get_by_role("button", name="Rank the models").click()
    assert "target=mobile" in page.url
    assert page.get_by_label("Phone").is_checked()
    visitor.check()

    page.get_by_role("link", name="Train ").first.click()
    visitor.check()
    page.get_by_text("Advanced settings").click()
    page.get_by_label("LoRA rank").fill("4")
    page.get_by_role("button", name="Show this plan").click()
    assert "lora_rank=4" in page.url
    assert page.get_by_text("1 changed").is_visible()
    visitor.check()

    page.get_by_role("button", name="Make the notebook").click()
    page.wait_for_url("**/app/notebooks/*/")
    visitor.check()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download the notebook").click()
    download.value.save_as(tmp_path / "made.ipynb")
    notebook = json.loads((tmp_path / "made.ipynb").read_text(encoding="utf-8"))
    assert any("LORA_RANK = 4" in "".join(c["source"]) for c in notebook["cells"])

    page.go_back()
    assert page.get_by_label("LoRA rank").input_value() == "4"


@pytest.mark.parametrize("source", [*WITH_TOOLS, *RIGHT_TO_LEFT, own("faulty.jsonl")])
def test_every_page_of_whole_sets_is_accessible(visit, source):
    visitor = visit(Look(width=360))
    upload(visitor, source.path)
    data = visitor.page.url.removeprefix(visitor.address)

    for part in ("", "?q=a", "?row=900000", "problems/", "closer/", "?language=en",
                 "rows/1/", "repair/?do=normalize&do=mask_private", "roles/",
                 "versions/", "model/"):  # fmt: skip
        visitor.open(data + part)
        visitor.check()


@pytest.mark.parametrize("source", TABLES)
def test_a_table_s_guessed_columns_are_looked_at(visit, source):
    visitor = visit(Look(width=360, scheme="dark"))
    upload(visitor, source.path)

    visitor.page.get_by_role("link", name="look at one row").click()
    visitor.check()


@pytest.mark.parametrize("source", MANY_ROWS)
def test_a_page_that_waits_goes_on_without_script(visit, source, tmp_path):
    content = source.path.read_bytes()
    (tmp_path / "large.jsonl").write_bytes(content * 30)
    visitor = visit(Look(script=False))

    upload(visitor, tmp_path / "large.jsonl")

    assert "Checking line " in visitor.page.get_by_role("status").inner_text()
    visitor.page.get_by_text("Quality score").wait_for(timeout=60_000)
    visitor.check()


@pytest.mark.parametrize("source", MANY_ROWS)
def test_a_newcomer_s_way_takes_less_than_ten_seconds_of_machine_time(
    visit, source, tmp_path
):
    lines = source.path.read_bytes().splitlines(True)
    (tmp_path / "chat.jsonl").write_bytes(b"".join(lines[:1000]))
    visitor = visit()
    page = visitor.page
    visitor.open("/app/")

    start = time.monotonic()
    upload(visitor, tmp_path / "chat.jsonl")
    page.get_by_role("link", name="Choose a model").click()
    page.get_by_role("link", name="Train ").first.click()
    page.get_by_role("button", name="Make the notebook").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download the notebook").click()
    download.value.save_as(tmp_path / "made.ipynb")

    assert time.monotonic() - start < 10


@pytest.mark.parametrize("script", [True, False])
def test_a_bad_file_is_explained_beside_its_field(visit, tmp_path, script):
    path = tmp_path / "bad.jsonl"
    path.write_bytes(jsonl([{"messages": [{"role": "bot", "content": "x"}]}]))
    visitor = visit(Look(script=script))
    visitor.open("/app/")
    visitor.refused = 400

    visitor.page.set_input_files("#id_file", path)
    visitor.page.get_by_role("button", name="Upload and analyze").click()

    alert = visitor.page.get_by_role("alert")
    alert.wait_for()
    assert "Line 1: messages[0].role is 'bot'; expected one of" in alert.inner_text()
    visitor.check()


def test_with_script_the_file_is_still_chosen_after_a_failure(visit, tmp_path):
    path = tmp_path / "bad.jsonl"
    path.write_bytes(b"no json\n")
    visitor = visit()
    visitor.open("/app/")
    visitor.refused = 400

    visitor.page.set_input_files("#id_file", path)
    visitor.page.get_by_role("button", name="Upload and analyze").click()
    visitor.page.get_by_role("alert").wait_for()

    assert visitor.page.evaluate("document.getElementById('id_file').files.length") == 1


def test_hostile_text_runs_nowhere(visit, tmp_path):
    path = tmp_path / "<b>chat.jsonl"
    rows = [make_conversation(HOSTILE, f"{n} {HOSTILE}") for n in range(60)]
    path.write_bytes(jsonl(rows))
    visitor = visit()

    upload(visitor, path)

    assert visitor.page.locator("img").count() == 0
    assert HOSTILE in visitor.page.locator("#row-1").inner_text()
    visitor.check()


def test_the_theme_is_chosen_without_script_and_kept(visit):
    visitor = visit(Look(script=False))
    visitor.open("/app/")

    visitor.page.get_by_role("button", name="Dark").click()

    visitor.open("/app/")
    assert visitor.page.locator("html").get_attribute("data-theme") == "dark"


def test_the_file_input_is_reached_and_opened_by_keyboard(visit):
    visitor = visit()
    visitor.open("/app/")
    page = visitor.page

    page.get_by_role("button", name="Dark").focus()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "id_file"
    # Chromium opens its dialog for a click; the dialog itself is not always announced.
    page.on("filechooser", lambda chooser: None)
    page.evaluate(
        "document.activeElement.addEventListener('click', "
        "() => { document.body.dataset.opened = 'yes' })"
    )
    page.keyboard.press("Space")
    assert page.evaluate("document.body.dataset.opened") == "yes"


def test_j_and_k_walk_through_the_rows(visit):
    visitor = visit()
    visitor.open("/app/")
    visitor.page.get_by_role("button", name="Tool calls").click()
    page = visitor.page

    page.get_by_role("link", name="Row 1", exact=True).focus()
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")

    assert page.evaluate("document.activeElement.id") == "row-2"


@pytest.mark.parametrize("look", [Look(), Look(width=360, scheme="dark")], ids=str)
def test_jobs_of_somebody_signed_in(visit, account, look):
    visitor = visit(look)
    page = visitor.page
    visitor.open("/app/jobs/")
    page.fill("#id_login", account[0])
    page.fill("#id_password", account[1])
    page.keyboard.press("Enter")
    page.wait_for_url(f"{visitor.address}/app/jobs/")
    visitor.check()

    visitor.open("/app/")
    page.get_by_role("button", name="Classification").click()
    page.get_by_role("link", name="Training").click()
    page.get_by_role("button", name="Make the notebook").click()
    visitor.open("/app/jobs/")
    visitor.check()
    page.get_by_role("link", name="classification.jsonl").first.click()
    visitor.check()
    page.get_by_role("button", name="It is running").click()
    page.get_by_text("You said that it runs").wait_for()


@pytest.mark.parametrize("path", ["/app/nothing/", "/app/datasets/x/"])
def test_an_unknown_page_is_accessible_too(visit, path):
    visitor = visit(Look(width=360))

    visitor.open(path, status=404)

    visitor.check()


def test_the_browsable_api_loads_nothing_from_elsewhere(visit):
    visitor = visit()

    visitor.open("/docs/api/")
    visitor.page.get_by_text("/upload").first.wait_for()

    assert visitor.faults == []


MESSY = [
    *[make_conversation(f"What is {n} and {n}?", f"It is {2 * n}.") for n in range(60)],
    make_conversation("What is 0 and 0?", "It is 0."),
    {"messages": [{"role": "User", "content": "a"}, {"role": "bot", "content": "b"}]},
    {"messages": [{"role": "User", "content": HOSTILE},
                  {"role": "Assistant", "content": HOSTILE}]},
    make_conversation("I am jane@mail-server.net", "Hello, Jane."),
]  # fmt: skip
REPAIR_LOOKS = [
    Look(), Look(width=360, scheme="dark"), Look(script=False, width=360),
    Look(script=False, scheme="dark"),
]  # fmt: skip


@pytest.mark.parametrize("look", REPAIR_LOOKS, ids=str)
def test_data_are_repaired_looked_at_and_the_repair_undone(visit, look, tmp_path):
    path = tmp_path / "messy.jsonl"
    path.write_bytes(jsonl(MESSY))
    visitor = visit(look)
    page = visitor.page
    upload(visitor, path)
    first = page.url

    page.get_by_role("button", name="Apply 2 safe fixes").click()
    page.get_by_text("Nothing is changed yet").wait_for()  # perhaps a worker does it
    assert page.locator("ins").first.is_visible()
    visitor.check()
    page.get_by_role("button", name="Make the new version").click()
    assert page.get_by_text("This is a version").is_visible()
    assert page.url != first
    visitor.check()
    page.get_by_role("link", name="All versions").first.click()
    visitor.check()
    page.go_back()
    page.get_by_role("button", name="Undo, and delete this version").click()
    assert page.url == first

    page.get_by_role("link", name="Rename roles").first.click()
    visitor.check()
    page.get_by_role("button", name="Show what would change").click()
    page.get_by_text("Nothing is changed yet").wait_for()  # perhaps a worker does it
    visitor.check()


@pytest.mark.parametrize("look", REPAIR_LOOKS, ids=str)
@pytest.mark.parametrize("source", WITH_TOOLS)
def test_a_row_in_full_and_what_models_see_of_it(visit, source, look):
    visitor = visit(look)
    page = visitor.page
    upload(visitor, source.path)

    page.get_by_role("link", name="In full row 3").click()
    visitor.check()
    for model in ("Qwen3 0.6B (596M)", "Gemma 3 1B (1.0B)"):
        page.get_by_label("Model", exact=True).select_option(label=model)
        page.get_by_role("button", name="Show", exact=True).click()
        visitor.check()
    page.get_by_role("link", name="Next (J)").click()
    assert page.url.endswith("/rows/4/")
    assert page.get_by_label("Model", exact=True).input_value() == "gemma-3-1b"


def test_j_and_k_lead_from_row_to_row_on_their_pages(visit):
    visitor = visit()
    page = visitor.page
    visitor.open("/app/")
    page.get_by_role("button", name="Tool calls").click()
    page.get_by_role("link", name="In full row 2").click()
    page.wait_for_url("**/rows/2/")

    page.keyboard.press("j")
    page.wait_for_url("**/rows/3/")
    page.keyboard.press("k")
    page.wait_for_url("**/rows/2/")


def test_links_are_copied_by_a_button_that_says_so(visit):
    visitor = visit()
    page = visitor.page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    visitor.open("/app/")
    page.get_by_role("button", name="Tool calls").click()
    page.get_by_role("link", name="In full row 2").click()

    page.get_by_role("button", name="Copy the link").click()

    page.get_by_role("status").get_by_text("Copied").wait_for(state="attached")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.endswith("/?row=2#row-2")


@pytest.mark.parametrize("look", REPAIR_LOOKS[:2], ids=str)
def test_the_documentation_is_accessible(visit, look):
    visitor = visit(look)
    visitor.open("/app/docs/")
    visitor.check()
    names = visitor.page.locator("main h2 a").all_inner_texts()

    for name in names:
        visitor.open("/app/docs/")
        visitor.page.get_by_role("link", name=name).click()
        visitor.check()
    assert len(names) == 7
