"""Nobody deletes data that are not theirs, and nobody's data go with a job."""

import json
from datetime import timedelta

import pytest
from django.utils import timezone

from datasets.core.fixes.operations import Repair
from datasets.models import Dataset
from datasets.services import repair
from datasets.storage.retention import empty_dataset
from jobs.models import Job
from jobs.services import JobChange, change_job, delete_job, record_notebook
from notebooks.models import Notebook
from notebooks.services import generate_notebook
from recommender.services import catalog
from slmgen.audit.models import AuditEvent
from slmgen.identity.services import token_for
from slmgen.operations.retention import expire
from tests.factories import jsonl, make_conversation, make_dataset

pytestmark = pytest.mark.django_db

DOUBLED = jsonl([make_conversation(f"q{n % 9}", f"a{n % 9}") for n in range(20)])


@pytest.fixture
def call(client, owner):
    token = token_for(username="owner", password="owner-password")

    def called(method, path, body=None, *, bearer=True):
        headers = {"HTTP_AUTHORIZATION": f"Bearer {token}"} if bearer else {}
        return client.generic(
            method, path, json.dumps(body) if body is not None else "",
            "application/json", **headers,
        )  # fmt: skip

    return called


def job_on(dataset, user):
    return Job.objects.create(owner=user, dataset=dataset)


def notebook_of(dataset):
    model = catalog().get("qwen3-0.6b")
    return generate_notebook(dataset, models=[model], training_config=None)


def version_of(dataset):
    wanted = Repair("drop_exact_duplicates")
    return repair(dataset, (wanted,), dry_run=False).dataset


def stored(files):
    return [path for path in files.rglob("*") if path.is_file()]


def exists(dataset):
    return Dataset.objects.filter(pk=dataset.pk).exists()


# A job and its dataset


def test_a_job_takes_no_data_that_nobody_owns(call, owner):
    """Whoever had the address could delete what an anonymous browser had uploaded."""
    dataset = make_dataset()
    job = job_on(dataset, owner)

    assert call("DELETE", f"/jobs/{job.pk}").status_code == 204

    assert exists(dataset)


def test_a_job_takes_no_data_of_somebody_else(call, owner, stranger):
    """Data that were nobody's when the job was made can be adopted meanwhile."""
    dataset = make_dataset()
    job = job_on(dataset, owner)
    Dataset.objects.update(owner=stranger)

    assert call("DELETE", f"/jobs/{job.pk}").status_code == 204

    assert exists(dataset)


def test_a_job_takes_no_data_that_a_job_of_anybody_uses(call, owner, stranger):
    dataset = make_dataset(owner=owner)
    job, _ = job_on(dataset, owner), job_on(dataset, stranger)

    call("DELETE", f"/jobs/{job.pk}")

    assert exists(dataset)


@pytest.mark.parametrize(
    ("query", "is_kept"),
    [("", False), ("?keep_dataset=false", False), ("?keep_dataset=true", True)],
)
def test_the_dataset_is_kept_where_that_is_asked(call, owner, query, is_kept):
    dataset = make_dataset(owner=owner)
    job = job_on(dataset, owner)

    assert call("DELETE", f"/jobs/{job.pk}{query}").status_code == 204

    assert exists(dataset) == is_kept


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        (
            "?keep_datset=true",
            "Unknown field 'keep_datset'; did you mean 'keep_dataset",
        ),
        ("?keep_dataset=maybe", "keep_dataset"),
    ],
)
def test_a_mistaken_wish_deletes_nothing(call, owner, query, sentence):
    dataset = make_dataset(owner=owner)
    job = job_on(dataset, owner)

    answer = call("DELETE", f"/jobs/{job.pk}{query}")

    assert answer.status_code == 400
    assert answer.json()["detail"].startswith(sentence)
    assert exists(dataset)
    assert Job.objects.filter(pk=job.pk).exists()


def test_a_notebook_that_two_jobs_share_stays_with_the_other(owner, stranger):
    notebook = notebook_of(make_dataset())
    mine, theirs = (
        record_notebook(owner=user, notebook=notebook) for user in (owner, stranger)
    )

    delete_job(mine, by=owner)

    theirs.refresh_from_db()
    assert theirs.notebook == notebook


def test_a_deleted_job_takes_its_own_notebook_alone(owner):
    dataset = make_dataset(owner=owner)
    job = record_notebook(owner=owner, notebook=notebook_of(dataset))
    other = notebook_of(dataset)

    delete_job(job, by=owner, keep_dataset=True)

    assert Notebook.objects.get() == other


def test_what_has_expired_goes_with_its_last_job(settings, owner):
    """Nobody can see it, so nobody else could delete it."""
    dataset = make_dataset()
    jobs = [job_on(dataset, owner) for _ in range(2)]
    empty_dataset(dataset)

    delete_job(jobs[0], by=owner, keep_dataset=True)
    assert exists(dataset)
    delete_job(Job.objects.select_related("dataset").get(), by=owner)
    assert not exists(dataset)


def test_who_deleted_a_job_is_on_record(owner, admin_user):
    job = job_on(make_dataset(owner=owner), owner)

    delete_job(job, by=admin_user)

    event = AuditEvent.objects.get(action="delete", object_id=str(job.pk))
    assert event.actor_name == "admin"


def test_a_job_that_was_deleted_meanwhile_does_not_change(owner):
    job = job_on(make_dataset(owner=owner), owner)
    Job.objects.all().delete()

    with pytest.raises(Exception, match="changed meanwhile"):
        change_job(job, JobChange(status="running"))


# A dataset


@pytest.mark.django_db(transaction=True)
def test_a_deleted_dataset_leaves_no_row_and_no_file(call, owner, files):
    dataset = make_dataset(DOUBLED, owner=owner)
    notebook_of(version_of(version_of(dataset)))

    answer = call("DELETE", f"/datasets/{dataset.pk}")

    assert (answer.status_code, answer.content) == (204, b"")
    assert (Dataset.objects.count(), Notebook.objects.count()) == (0, 0)
    assert stored(files) == []


def test_the_version_before_a_deleted_one_stays(call, owner):
    dataset = make_dataset(DOUBLED, owner=owner)
    version = version_of(dataset)

    call("DELETE", f"/datasets/{version.pk}")

    assert Dataset.objects.get() == dataset


def test_a_version_of_another_owner_stays(call, owner, stranger):
    dataset = make_dataset(DOUBLED)
    version = version_of(dataset)
    Dataset.objects.filter(pk=dataset.pk).update(owner=owner)
    Dataset.objects.filter(pk=version.pk).update(owner=stranger)

    assert call("DELETE", f"/datasets/{dataset.pk}").status_code == 204

    assert Dataset.objects.get() == version


@pytest.mark.parametrize("which", ["the dataset", "a version of it"])
def test_a_dataset_that_a_job_uses_stays_whole(call, owner, which):
    dataset = make_dataset(DOUBLED, owner=owner)
    version = version_of(dataset)
    notebook_of(dataset)
    job_on(dataset if which == "the dataset" else version, owner)

    answer = call("DELETE", f"/datasets/{dataset.pk}")

    assert answer.status_code == 409
    assert answer.json()["detail"].endswith("delete the job first.")
    assert (Dataset.objects.count(), Notebook.objects.count()) == (2, 1)


def test_who_holds_the_id_deletes_data_that_nobody_owns(call):
    dataset = make_dataset()

    assert call("DELETE", f"/datasets/{dataset.pk}", bearer=False).status_code == 204

    assert not exists(dataset)


def test_data_that_nobody_owns_stay_while_an_account_works_with_them(call, stranger):
    dataset = make_dataset()
    job_on(dataset, stranger)

    answer = call("DELETE", f"/datasets/{dataset.pk}", bearer=False)

    assert answer.status_code == 409
    assert exists(dataset)


def test_a_stranger_deletes_and_renames_nothing(call, stranger):
    dataset = make_dataset(owner=stranger)

    for method, body in (("DELETE", None), ("PATCH", {"filename": "mine.jsonl"})):
        answer = call(method, f"/datasets/{dataset.pk}", body)
        assert answer.status_code == 404

    dataset.refresh_from_db()
    assert dataset.filename == "chat.jsonl"


def test_data_expire_whoever_works_with_them(settings, owner):
    used, unused = make_dataset(), make_dataset()
    job_on(used, owner)
    Dataset.objects.update(created_at=timezone.now() - timedelta(days=99))

    expire(timezone.now())

    assert Dataset.objects.get().pk == used.pk
    assert not exists(unused)


@pytest.mark.parametrize(
    ("name", "cleaned"),
    [
        ("support 2026.jsonl", "support 2026.jsonl"),
        ("../../etc/passwd", "passwd"),
        ("a\u202eb\r\n.jsonl", "ab.jsonl"),
        ("x" * 400, "x" * 255),
        ("..", "dataset.jsonl"),
    ],
)
def test_a_dataset_gets_another_name_cleaned_as_at_upload(call, owner, name, cleaned):
    dataset = make_dataset(owner=owner)

    answer = call("PATCH", f"/datasets/{dataset.pk}", {"filename": name})

    assert answer.status_code == 200
    assert answer.json()["filename"] == cleaned
    assert answer.json()["message"] == "Dataset renamed"
    assert Dataset.objects.get().filename == cleaned
    assert AuditEvent.objects.filter(action="rename").count() == 1


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({}, "filename"),
        ({"filename": ""}, "filename"),
        ({"filename": "x" * 1001}, "filename"),
        ({"file_name": "a"}, "Unknown field 'file_name'; did you mean 'filename'?"),
    ],
)
def test_a_name_that_makes_no_sense_is_refused(call, owner, body, sentence):
    dataset = make_dataset(owner=owner)

    answer = call("PATCH", f"/datasets/{dataset.pk}", body)

    assert answer.status_code == 400
    assert answer.json()["detail"].startswith(sentence)
