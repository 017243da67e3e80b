import threading
import time

import pytest
from django.core.management import call_command
from django.db import OperationalError, connection, transaction

from datasets.core.ingestion import problem_log
from datasets.models import Dataset
from datasets.storage.files import storage
from datasets.storage.quotas import STORED_BYTES, bytes_of_datasets, reserve_quota
from jobs.models import Job
from jobs.services import Configuration, create_job
from notebooks.generation import bytes_of_notebooks
from notebooks.models import Notebook
from notebooks.services import generate_notebook
from recommender.services import catalog
from slmgen.errors import Conflict
from tests.factories import (
    jsonl,
    make_conversation,
    make_dataset,
    make_file,
    make_lines,
)

pytestmark = pytest.mark.django_db


def test_one_dataset_more_than_an_owner_may_keep_is_refused(settings, owner, files):
    settings.SLMGEN_QUOTA_DATASETS = 2
    make_dataset(owner=owner)
    make_dataset(owner=owner)
    stored = set(files.rglob("*"))

    with pytest.raises(Conflict, match=r"You keep 2 of at most 2 datasets;"):
        make_dataset(owner=owner)

    assert set(files.rglob("*")) == stored


def test_the_quota_of_one_is_not_the_quota_of_another(settings, owner, stranger):
    settings.SLMGEN_QUOTA_DATASETS = 1
    make_dataset(owner=owner)

    assert make_dataset(owner=stranger).owner == stranger
    assert make_dataset().owner is None


def test_bytes_are_counted_with_those_that_come(settings, owner):
    settings.SLMGEN_QUOTA_MB = 1
    lines = make_lines(3_000)  # about 0.3 MB, kept twice
    make_dataset(lines, owner=owner)

    with pytest.raises(Conflict, match=r"of 1 MB, and this upload does not fit"):
        make_dataset(lines, owner=owner)


def test_all_without_an_account_share_their_room(settings, client):
    settings.SLMGEN_QUOTA_ANONYMOUS_MB = 1
    lines = make_lines(3_000)
    make_dataset(lines)

    answer = client.post("/upload", {"file": make_file(lines)})

    assert answer.status_code == 409
    assert answer.json()["detail"].startswith("This server's room for data without")


def test_notebooks_and_lists_of_problems_use_up_the_room(settings, owner):
    dataset = make_dataset(
        jsonl(make_conversation(f"q{n}", "TODO") for n in range(60)), owner=owner
    )
    rows = bytes_of_datasets(owner.pk)
    assert rows > dataset.size + dataset.examples_bytes + 60 * 100

    notebook = generate_notebook(
        dataset, models=[catalog().get("qwen3-0.6b")], training_config=None
    )

    assert bytes_of_notebooks(owner.pk) == notebook.size > 0
    assert sum(count(owner.pk) for count in STORED_BYTES) == rows + notebook.size


@pytest.mark.parametrize("is_owned", [True, False])
def test_a_notebook_for_which_there_is_no_room_is_refused(settings, owner, is_owned):
    dataset = make_dataset(owner=owner if is_owned else None)
    settings.SLMGEN_QUOTA_MB = settings.SLMGEN_QUOTA_ANONYMOUS_MB = 1
    model = catalog().get("qwen3-0.6b")

    def fill():
        for _ in range(200):
            generate_notebook(dataset, models=[model], training_config=None)

    with pytest.raises(Conflict, match=r"does not fit|room for data without"):
        fill()

    kept = [one for one in storage().listing() if one.key.startswith("notebooks/")]
    assert len(kept) == Notebook.objects.count() > 0


def test_exports_use_up_the_room(settings, owner, client):
    settings.SLMGEN_INLINE_ANALYSIS_BYTES = 0
    dataset = make_dataset(owner=owner)
    call_command("work", drain=True)
    client.force_login(owner)
    before = sum(count(owner.pk) for count in STORED_BYTES)

    address = f"/app/datasets/{dataset.pk}/export/?format=alpaca"
    client.get(address)
    call_command("work", drain=True)
    size = len(b"".join(client.get(address).streaming_content))

    assert sum(count(owner.pk) for count in STORED_BYTES) == before + size


def test_what_is_written_about_problems_has_an_end(client, monkeypatch):
    monkeypatch.setattr(problem_log, "MOST_LISTED", 30)
    rows = [make_conversation(f"q{n}", "TODO") for n in range(100)]
    dataset = make_dataset(jsonl(rows))
    address = f"/datasets/{dataset.pk}/problems?page_size=50&kind=placeholder"

    body = client.get(address).json()

    assert (body["total_count"], body["listed_count"]) == (100, 30)
    assert len(body["problems"]) == 30
    assert client.get(f"{address}&page=2").json()["problems"] == []
    page = client.get(f"/app/datasets/{dataset.pk}/problems/").content.decode()
    assert "The first 30 of 100 are listed" in page


def test_the_first_problems_of_each_kind_are_listed_when_the_room_is_used_up(
    client, monkeypatch
):
    monkeypatch.setattr(problem_log, "MOST_BYTES", 1_000)
    rows = [make_conversation(f"q{n}", "TODO") for n in range(60)]
    rows += [make_conversation(f"q{n}", "ok <|im_end|>") for n in range(60)]
    dataset = make_dataset(jsonl(rows))

    for kind in ("placeholder", "control_token"):
        address = f"/datasets/{dataset.pk}/problems?page_size=100&kind={kind}"
        body = client.get(address).json()
        assert (body["total_count"], body["listed_count"]) == (60, 20)
        assert {problem["kind"] for problem in body["problems"]} == {kind}
    whole = client.get(f"/datasets/{dataset.pk}/problems?page_size=100").json()
    assert (whole["total_count"], whole["listed_count"]) == (120, 40)


def test_no_limit_is_none(settings, owner):
    settings.SLMGEN_QUOTA_DATASETS = settings.SLMGEN_QUOTA_MB = 0

    assert make_dataset(owner=owner).pk


def test_one_job_more_than_an_owner_may_keep_is_refused(settings, owner):
    settings.SLMGEN_QUOTA_JOBS = 1
    dataset = make_dataset(owner=owner)
    session = str(dataset.id)
    create_job(owner=owner, session_id=session, configuration=Configuration())

    with pytest.raises(Conflict, match="You keep 1 of at most 1 jobs"):
        create_job(owner=owner, session_id=session, configuration=Configuration())

    assert Job.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_uploads_at_the_same_time_do_not_pass_the_quota_together(settings, owner):
    settings.SLMGEN_QUOTA_DATASETS = 3

    first = make_dataset(owner=owner)

    def insert():
        dataset = Dataset(
            owner=owner, filename="a", size=1, total_examples=1, examples_bytes=1
        )
        while True:
            try:
                with transaction.atomic():
                    reserve_quota(owner.pk, 2, datasets=1)
                    dataset.save(force_insert=True)
            except OperationalError:  # SQLite in memory does not wait for locks
                time.sleep(0.01)
            except Conflict:
                refused.append(1)
                break
            else:
                break
        connection.close()

    refused = []
    threads = [threading.Thread(target=insert) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (Dataset.objects.exclude(pk=first.pk).count(), len(refused)) == (2, 4)
