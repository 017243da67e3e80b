"""A repair before it is made: work like any other, done once and kept for a while."""

import random

import pytest
from django.core.files.storage import default_storage
from django.core.management import call_command

from datasets.models import Dataset, Kind, State, WorkItem
from datasets.storage.files import storage
from datasets.work.results import MAX_PREVIEWS
from tests.factories import jsonl, make_conversation, make_dataset

pytestmark = pytest.mark.django_db
JSON = "application/json"
MASK = {"kind": "mask_private"}


@pytest.fixture
def dataset():
    rows = [
        make_conversation(f"I am jane{n}@mail-server.net", f"{n}") for n in range(60)
    ]
    return make_dataset(jsonl(rows))


@pytest.fixture
def large(dataset, settings):
    settings.SLMGEN_INLINE_ANALYSIS_BYTES = 0
    return dataset


def page(client, dataset, query="do=mask_private"):
    return client.get(f"/app/datasets/{dataset.pk}/repair/?{query}")


def dry_run(client, dataset, *repairs):
    body = {"repairs": list(repairs), "dry_run": True}
    return client.post(f"/datasets/{dataset.pk}/repairs", body, JSON)


def previews():
    return WorkItem.objects.filter(kind=Kind.PREVIEW)


def test_a_page_never_tries_a_repair_of_large_data_itself(client, large):
    waiting = page(client, large)

    assert (waiting.status_code, waiting["Refresh"]) == (202, "2")
    assert previews().get().state == State.QUEUED
    call_command("work", drain=True)
    shown = page(client, large)
    assert shown.status_code == 200
    assert "<del>jane0@mail-server.net</del>" in shown.content.decode()
    assert Dataset.objects.count() == 1


def test_the_api_answers_202_and_then_what_the_worker_found(client, large):
    assert dry_run(client, large, MASK).status_code == 202
    call_command("work", drain=True)

    answer = dry_run(client, large, MASK).json()

    assert answer["session_id"] == str(large.pk)
    assert [change["changed"] for change in answer["changes"]] == [60]


def test_page_and_api_ask_for_the_same_piece_of_work(client, dataset):
    page(client, dataset)
    dry_run(client, dataset, {**MASK, "faults": [], "roles": {}})
    page(client, dataset)

    assert previews().get().attempts == 1


def test_content_stands_in_the_file_and_not_in_the_row(client, dataset):
    page(client, dataset)

    item = previews().get()
    with default_storage.open(item.file) as file:
        assert b"jane0@mail-server.net" in file.read()
    assert "jane0" not in str(item.result)


def test_old_previews_go_with_their_files(
    client, dataset, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        for n in range(MAX_PREVIEWS + 3):
            page(client, dataset, f"from=a{n}&to=user")

    files = [one.key for one in storage().listing() if "/preview-" in one.key]
    assert previews().count() == len(files) == MAX_PREVIEWS
    assert {item.file for item in previews()} == set(files)
    roles = [item.payload["repairs"][0]["roles"] for item in previews()]
    assert {"a0": "user"} not in roles


def test_a_preview_whose_file_is_gone_is_made_again(client, dataset):
    before = page(client, dataset).content
    default_storage.delete(previews().get().file)

    again = page(client, dataset)

    assert again.status_code == 200
    assert len(again.content) == len(before)


def test_repairs_that_leave_nothing_are_refused_each_time(client, dataset):
    rows = [
        {
            "messages": [
                {"role": "user", "content": "x"},
                {"role": "assistant", "content": "TODO"},
            ]
        }
    ]
    other = make_dataset(jsonl(rows * 3))
    drop = {"kind": "drop_faults", "faults": ["placeholder"]}

    for _ in range(2):
        answer = dry_run(client, other, drop)
        assert answer.status_code == 400
        assert "would leave no row" in answer.json()["detail"]


def test_a_new_preview_counts_as_an_upload_and_a_known_one_does_not(
    client, dataset, settings
):
    settings.SLMGEN_RATE_LIMITS = True
    settings.SLMGEN_RATES = {**settings.SLMGEN_RATES, "uploads": 4}  # 2 without account

    answers = [page(client, dataset).status_code for _ in range(5)]
    more = [page(client, dataset, f"from=a{n}&to=user").status_code for n in range(2)]

    assert answers == [200] * 5
    assert more == [200, 429]


def test_no_get_reads_the_rows_of_a_large_dataset(client, settings, monkeypatch):
    """A dry run of 46 MB took half a minute inside the request."""
    words = [f"w{n}" for n in range(400)]
    chosen = random.Random(1)
    rows = [
        make_conversation(" ".join(chosen.choices(words, k=20)), f"a {n}")
        for n in range(2_000)
    ]
    dataset = make_dataset(jsonl(rows))
    settings.SLMGEN_INLINE_ANALYSIS_BYTES = 1
    opened = []
    real = default_storage._wrapped.__class__._open

    def note(self, name, *args):
        opened.append(name.rpartition("/")[2])
        return real(self, name, *args)

    monkeypatch.setattr(default_storage._wrapped.__class__, "_open", note)

    for kind in ("drop_near_duplicates", "mask_private", "drop_exact_duplicates"):
        assert page(client, dataset, f"do={kind}").status_code == 202
    assert opened == []
