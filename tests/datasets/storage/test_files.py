"""Stored files and their rows: damaged, deleted, orphaned."""

import fcntl
import os
from datetime import timedelta

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.db import transaction

from datasets.models import Dataset, Deletion
from datasets.storage import files as kept
from datasets.storage.retention import delete_dataset
from datasets.work.results import analysis_of
from notebooks.models import Notebook
from tests.factories import make_dataset

pytestmark = pytest.mark.django_db
NOW = timedelta(0)


@pytest.fixture(params=["files", "objects"], autouse=True)
def _every_storage(request):
    request.getfixturevalue(request.param)


def keys():
    return {found.key for found in kept.storage().listing()}


def generate(client, dataset):
    body = {"session_id": str(dataset.id)}
    return client.post("/generate", body, "application/json")


def replace(key, change):
    with default_storage.open(key) as file:
        content = file.read()
    default_storage.delete(key)
    default_storage.save(key, ContentFile(change(content)))


DAMAGES = {
    "removed": lambda key: default_storage.delete(key),
    "cut": lambda key: replace(key, lambda content: content[:-40]),
    "flipped": lambda key: replace(
        key, lambda content: content.replace(b"What is 7", b"What is 8")
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_no_notebook_is_made_from_damaged_data(client, damage):
    dataset = make_dataset()
    DAMAGES[damage](dataset.examples_key)

    answer = generate(client, dataset)

    assert answer.status_code == 409
    assert answer.json()["detail"] == (
        "A stored file was damaged or removed on the server; upload the data again."
    )
    assert Notebook.objects.count() == 0


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("path", ["insights", "export", "export?format=parquet"])
def test_damaged_data_are_not_read_on(client, damage, path):
    dataset = make_dataset()
    DAMAGES[damage](dataset.examples_key)

    assert client.get(f"/datasets/{dataset.id}/{path}").status_code == 409


@pytest.mark.parametrize("damage", ["removed", "cut"])
@pytest.mark.parametrize("is_index", [False, True])
def test_no_page_is_shown_from_a_file_that_is_not_whole(client, damage, is_index):
    dataset = make_dataset()
    index = analysis_of(dataset).file
    DAMAGES[damage](index if is_index else dataset.examples_key)

    assert client.get(f"/preview/{dataset.id}").status_code == 409
    assert client.get(f"/app/datasets/{dataset.id}/").status_code == 409


@pytest.mark.parametrize("damage", ["removed", "cut"])
def test_a_damaged_upload_is_not_repaired(client, damage):
    dataset = make_dataset()
    DAMAGES[damage](dataset.original_key)

    answer = client.post(
        f"/datasets/{dataset.id}/repairs",
        {"repairs": [{"kind": "normalize"}]},
        "application/json",
    )

    assert answer.status_code == 409
    assert Dataset.objects.count() == 1


@pytest.mark.parametrize("damage", ["removed", "cut"])
def test_a_damaged_notebook_is_not_handed_out(client, damage):
    generate(client, make_dataset())
    notebook = Notebook.objects.get()
    DAMAGES[damage](notebook.key)

    assert client.get(notebook.download_url).status_code == 409


def test_rows_and_files_of_the_whole_way_agree(client, capsys):
    generate(client, make_dataset())

    call_command("check_storage", older_than=0)

    assert capsys.readouterr().out == "Files and rows agree.\n"


def test_orphans_and_missing_files_are_listed(client, capsys):
    dataset = make_dataset()
    default_storage.save("datasets/nobody/original", ContentFile(b"four"))
    default_storage.delete(dataset.original_key)

    with pytest.raises(CommandError, match="1 orphans and 1 missing") as caught:
        call_command("check_storage", older_than=0)

    assert caught.value.returncode == 1
    assert capsys.readouterr().out.splitlines() == [
        "orphan\t4\tdatasets/nobody/original",
        f"missing\t{dataset.size}\t{dataset.original_key}",
    ]


def test_a_sweep_deletes_orphans_and_nothing_else(client):
    generate(client, make_dataset())
    before = keys()
    default_storage.save("datasets/nobody/original", ContentFile(b"four"))

    assert kept.sweep() == 0  # it may just be on its way to its row
    assert kept.sweep(NOW) == 1
    assert keys() == before
    assert kept.sweep(NOW) == 0


def test_a_deletion_that_was_cut_short_is_finished_later(
    django_capture_on_commit_callbacks,
):
    dataset = make_dataset()
    with django_capture_on_commit_callbacks(execute=False):
        delete_dataset(dataset)  # and the process dies here
    assert keys()

    kept.delete_discarded()

    assert keys() == set()
    assert Deletion.objects.count() == 0


def test_a_deletion_that_is_not_committed_deletes_nothing():
    dataset = make_dataset()
    before = keys()

    with transaction.atomic():
        delete_dataset(dataset)
        transaction.set_rollback(True)

    kept.delete_discarded()
    assert keys() == before


def test_a_storage_that_is_away_delays_a_deletion(
    monkeypatch, django_capture_on_commit_callbacks
):
    def away(*args):
        raise OSError("away")

    dataset = make_dataset()
    before = keys()
    with monkeypatch.context() as patch:
        patch.setattr(type(kept.storage()._wrapped), "delete", away)
        with django_capture_on_commit_callbacks(execute=True):
            delete_dataset(dataset)

    assert keys() == before
    kept.delete_discarded()
    assert keys() == set()


@pytest.mark.parametrize("finish", [kept.delete_discarded, lambda: kept.sweep(NOW)])
def test_while_a_backup_runs_no_file_is_deleted(
    files, django_capture_on_commit_callbacks, finish
):
    if not kept.storage().is_local:
        pytest.skip("deploy/backup.sh copies no objects")
    dataset = make_dataset()
    before = keys()
    lock = os.open(files, os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)  # as deploy/backup.sh does
    with django_capture_on_commit_callbacks(execute=True):
        delete_dataset(dataset)

    finish()
    assert keys() == before

    os.close(lock)
    finish()
    assert keys() == set()
