"""Repairs from the page: shown first, then made, and undone."""

import re

import pytest

from datasets.core.fixes.operations import REPAIR_KINDS
from datasets.models import Dataset
from jobs.models import Job
from notebooks.models import Notebook
from notebooks.services import generate_notebook
from recommender.services import catalog
from tests.factories import jsonl, make_conversation, make_dataset

pytestmark = pytest.mark.django_db
HOSTILE = '<script>alert(1)</script><img src=x onerror="alert(2)">'

ROWS = [make_conversation(f"What is {n}?", f"It is {n}.") for n in range(60)]


def messy():
    """Something for every repair."""
    return make_dataset(jsonl([
        *ROWS, ROWS[0], ROWS[1],
        {"messages": [{"role": "User", "content": "a"},
                      {"role": "Assistant", "content": "b"}]},
        {"messages": [{"role": "human", "content": "a"},
                      {"role": "bot", "content": "b"}]},
        {"messages": [{"role": "system", "content": "Be brief."},
                      *make_conversation("x", "y")["messages"]]},
        {"messages": [{"role": "user", "content": "a"}]},
        make_conversation("I am jane@mail-server.net", "Hello, Jane."),
    ]))  # fmt: skip


def address(dataset, part=""):
    return f"/app/datasets/{dataset.id}/{part}"


def text(response):
    return response.content.decode()


def offered(page):
    """What the buttons of a page ask for."""
    forms = re.findall(r'<form class="offer".*?</form>', page, re.DOTALL)
    return [re.findall(r'name="(\w+)" value="([^"]*)"', form) for form in forms]


def make(client, dataset, query):
    shown = text(client.get(address(dataset, f"repair/?{query}")))
    form = shown.partition('<form method="post" action="/app/datasets/')[2]
    fields = re.findall(
        r'name="(\w+)" value="([^"]*)"', form.partition("</form>")[0]
    )  # fmt: skip
    values = {}
    for name, value in fields:
        values.setdefault(name, []).append(value)
    answer = client.post(address(dataset, "repair/"), values)
    assert answer.status_code == 302
    return Dataset.objects.get(pk=answer["Location"].split("/")[3])


def test_every_repair_that_there_is_can_be_reached_from_the_data_page(client):
    page = text(client.get(address(messy())))

    names = {"fix": "fix_faults", "drop": "drop_faults"}
    kinds = {
        value if name == "do" else names[name]
        for fields in offered(page)
        for name, value in fields
    }
    assert "/roles/" in page
    assert kinds | {"map_roles"} == set(REPAIR_KINDS)


def test_every_button_leads_to_a_page_that_shows_what_it_would_do(client):
    dataset = messy()
    buttons = offered(text(client.get(address(dataset))))

    for fields in buttons:
        query = "&".join(f"{name}={value}" for name, value in fields)
        shown = client.get(address(dataset, f"repair/?{query}"))

        assert shown.status_code == 200
        assert "would change" in text(shown)
    assert Dataset.objects.count() == 1


def test_what_would_change_is_shown_before_anything_does(client):
    dataset = messy()

    shown = text(client.get(address(dataset, "repair/?do=drop_exact_duplicates")))

    assert "<dt>Rows now</dt><dd>67</dd>" in shown
    assert "<dt>Rows after</dt><dd>65</dd>" in shown
    assert "2 <small>rows dropped</small>" in shown
    assert 'Line 61 <span class="badge bad">dropped</span>' in shown
    assert Dataset.objects.count() == 1


def test_words_that_change_are_marked_with_signs_too(client):
    shown = text(client.get(address(messy(), "repair/?do=mask_private")))

    assert "<del>jane@mail-server.net</del>" in shown
    assert "<ins>[EMAIL]</ins>" in shown
    assert '<span class="sign" aria-hidden="true">−</span>' in shown
    assert '<span class="hidden-visually">After: </span>' in shown


def test_a_renamed_role_is_marked(client):
    shown = text(client.get(address(messy(), "repair/?fix=role_case")))

    assert "<del>User</del>" in shown
    assert "<ins>user</ins>" in shown


def test_confirming_makes_a_version_that_says_where_it_comes_from(client):
    dataset = messy()

    made = make(client, dataset, "do=drop_exact_duplicates&fix=role_case")

    page = text(client.get(address(made)))
    assert made.parent == dataset
    assert (dataset.total_examples, made.total_examples) == (64, 63)
    assert "This is a version" in page
    assert "Exact copies dropped: 2 rows" in page
    assert "Faults fixed: 1 row" in page
    assert f'href="{address(dataset)}"' in page


def test_roles_are_named_and_then_renamed(client):
    dataset = messy()
    page = text(client.get(address(dataset, "roles/")))
    assert re.findall(r'name="from" value="([^"]*)"', page)[:4] == [
        "User", "Assistant", "human", "bot"
    ]  # fmt: skip
    assert page.count(" selected>") == 4

    made = make(client, dataset, "from=human&to=user&from=bot&to=assistant&from=x&to=")

    assert made.total_examples == dataset.total_examples + 1


def test_safe_fixes_stand_behind_one_button(client):
    page = text(client.get(address(messy())))

    assert "Apply 2 safe fixes…" in page
    assert [("fix", "role_case"), ("do", "drop_exact_duplicates")] in offered(page)


def test_clean_data_offer_no_fix(client):
    page = text(client.get(address(make_dataset())))

    assert "safe fix" not in page
    assert "Drop exact copies" not in page


def test_a_repair_that_changes_nothing_cannot_be_confirmed(client):
    shown = text(client.get(address(make_dataset(), "repair/?do=fold_system")))

    assert "Nothing would change" in shown
    assert "Make the new version" not in shown


def test_no_repair_leads_back_to_the_data(client):
    dataset = make_dataset()

    assert client.get(address(dataset, "repair/"))["Location"] == address(dataset)


@pytest.mark.parametrize(
    "query", ["do=%3Cb%3E", "fix=refusal", "drop=no", "from=a&to=robot"]
)
def test_a_senseless_repair_is_a_sentence(client, query):
    shown = client.get(address(make_dataset(), f"repair/?{query}"))

    assert shown.status_code == 400
    assert 'role="alert"' in text(shown)
    assert "<b>" not in text(shown)


def test_hostile_rows_and_roles_stay_text(client):
    row = {"messages": [{"role": HOSTILE, "content": HOSTILE},
                        {"role": "Assistant", "content": HOSTILE}]}  # fmt: skip
    dataset = make_dataset(jsonl([*ROWS, row, *ROWS[:1]]), name="<b>.jsonl")

    for part in ("repair/?fix=role_case", "repair/?do=normalize", "roles/",
                 "repair/?drop=role", "versions/"):  # fmt: skip
        shown = text(client.get(address(dataset, part)))

        assert "<script>alert" not in shown
        assert "<img" not in shown
        assert "<b>.jsonl" not in shown


def test_versions_are_listed_from_each_of_them(client):
    dataset = messy()
    child = make(client, dataset, "do=drop_exact_duplicates")
    make(client, child, "do=mask_private")

    for each in (dataset, child):
        shown = text(client.get(address(each, "versions/")))

        assert re.findall(r">(Version \d)<", shown) == [
            "Version 1", "Version 2", "Version 3"
        ]  # fmt: skip
        assert "Private data masked: 1 row" in shown


def test_undo_deletes_the_version_with_its_files_and_notebooks(
    client, files, django_capture_on_commit_callbacks
):
    dataset = messy()
    made = make(client, dataset, "do=drop_exact_duplicates")
    generate_notebook(made, models=[catalog().get("qwen3-0.6b")], training_config={})

    with django_capture_on_commit_callbacks(execute=True):
        answer = client.post(address(made, "undo/"))

    assert answer["Location"] == address(dataset)
    assert list(Dataset.objects.all()) == [dataset]
    assert Notebook.objects.count() == 0
    assert not (files / made.examples_key).exists()


def test_a_version_that_a_job_needs_stays(client, owner):
    client.force_login(owner)
    dataset = make_dataset(jsonl([*ROWS, ROWS[0]]), owner=owner)
    made = make(client, dataset, "do=drop_exact_duplicates")
    notebook = generate_notebook(
        made, models=[catalog().get("qwen3-0.6b")], training_config={}
    )
    Job.objects.create(owner=owner, dataset=made, notebook=notebook)

    answer = client.post(address(made, "undo/"))

    assert answer.status_code == 409
    assert "delete the job first" in text(answer)
    assert Notebook.objects.count() == 1


def test_an_upload_cannot_be_undone(client):
    client.post("/app/", {"sample": "tools"})

    answer = client.post(address(Dataset.objects.get(), "undo/"))

    assert answer.status_code == 409
    assert Dataset.objects.count() == 1


def test_who_has_only_the_address_may_look_and_not_delete(client, django_user_model):
    made = make(client, messy(), "do=drop_exact_duplicates")
    client.cookies.clear()

    assert "Undo, and delete" not in text(client.get(address(made)))
    assert client.post(address(made, "undo/")).status_code == 409
    assert Dataset.objects.filter(pk=made.pk).exists()


def test_a_stranger_can_neither_repair_nor_undo(client, owner, stranger):
    client.force_login(owner)
    dataset = make_dataset(jsonl([*ROWS, ROWS[0]]), owner=owner)
    made = make(client, dataset, "do=drop_exact_duplicates")
    client.force_login(stranger)

    assert client.post(address(made, "undo/")).status_code == 404
    sent = {"do": "drop_exact_duplicates"}
    assert client.post(address(dataset, "repair/"), sent).status_code == 404
    assert Dataset.objects.count() == 2


@pytest.mark.parametrize(
    ("form", "suffix"),
    [("jsonl", "jsonl"), ("alpaca", "alpaca.jsonl"),
     ("sharegpt", "sharegpt.jsonl"), ("parquet", "parquet")],
)  # fmt: skip
def test_every_export_has_a_button_and_a_name(client, form, suffix):
    dataset = make_dataset()
    link = address(dataset, f"export/?format={form}")

    assert f'href="{link}"' in text(client.get(address(dataset)))
    answer = client.get(link)
    named = f'attachment; filename="{dataset.id}.{suffix}"'
    assert answer["Content-Disposition"] == named
    assert len(b"".join(answer.streaming_content)) > 100


def test_what_a_format_has_no_place_for_is_a_page(client):
    client.post("/app/", {"sample": "tools"})

    answer = client.get(address(Dataset.objects.get(), "export/?format=alpaca"))

    assert answer.status_code == 400
    assert "Alpaca has no place for it" in text(answer)


def test_a_stranger_gets_no_export(client, owner, stranger):
    dataset = make_dataset(owner=owner)
    client.force_login(stranger)

    assert client.get(address(dataset, "export/")).status_code == 404
