import io
import json
import zipfile

import pytest
from allauth.account.models import EmailAddress
from django.contrib.auth.models import User
from django.test import Client

from datasets.models import Dataset, WorkItem
from datasets.services import insights_of
from jobs.models import Job, TrainingPoint
from jobs.services import record_notebook
from jobs.training.runs import new_secret, record
from notebooks.models import Notebook
from notebooks.services import generate_notebook
from recommender.services import catalog
from slmgen.identity.api_tokens import create_token
from slmgen.identity.models import ApiToken, Identity
from slmgen.identity.services import token_for
from tests.factories import make_dataset, make_lines
from tests.slmgen.accounts.people import PASSWORD

pytestmark = pytest.mark.django_db

EXPORT, DELETE = "/app/account/export/", "/app/account/delete/"


def make_notebook(dataset):
    model = catalog().get("qwen3-0.6b")
    return generate_notebook(dataset, models=[model], training_config=None)


def make_belongings(user, name="chat.jsonl", dataset_owner=None):
    """A dataset with faults, its notebook, a job with a training."""
    dataset = make_dataset(
        make_lines() + b"oops\n", owner=dataset_owner or user, name=name
    )
    insights_of(dataset)
    job = record_notebook(owner=user, notebook=make_notebook(dataset))
    new_secret(job)
    job.refresh_from_db()
    log = {"event": "log", "step": 1, "steps": 60, "loss": 2.5}
    record(job.training_run, log)
    return job


def files_in(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file())


def unpacked(client):
    answer = client.get(EXPORT)
    assert answer.streaming
    assert answer["Content-Disposition"].startswith('attachment; filename="slmgen-')
    archive = zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content)))
    assert archive.testzip() is None
    return {name: archive.read(name) for name in archive.namelist()}


def test_everything_of_a_user_is_in_the_archive(client, member, files):
    job = make_belongings(member, name="mine ‮.jsonl")
    create_token(user=member, name="CI server", scope="read", days=7)
    dataset, notebook = job.dataset, job.notebook

    found = unpacked(client)

    folder = f"datasets/{dataset.id}"
    assert sorted(found) == sorted([
        "account.json", f"{folder}/dataset.json", f"{folder}/original",
        f"{folder}/examples.jsonl", f"{folder}/problems.jsonl",
        f"notebooks/{notebook.id}.json", f"notebooks/{notebook.filename}",
        f"jobs/{job.id}.json",
    ])  # fmt: skip
    assert found[f"{folder}/original"] == make_lines() + b"oops\n"
    assert found[f"{folder}/examples.jsonl"] == make_lines()
    stored = (files / notebook.key).read_bytes()
    assert found[f"notebooks/{notebook.filename}"] == stored
    facts = json.loads(found[f"{folder}/dataset.json"])
    assert facts["filename"] == dataset.filename
    assert facts["work"][0]["result"]["total_examples"] == 60
    kept = json.loads(found[f"jobs/{job.id}.json"])
    assert kept["training_events"][0]["values"] == {"loss": 2.5}
    account = json.loads(found["account.json"])
    assert account["user"]["username"] == "owner"
    assert account["api_tokens"][0]["name"] == "CI server"


def test_what_lets_somebody_in_is_not_exported(client, member):
    make_belongings(member)
    row, token = create_token(user=member, name="x", scope="read", days=7)

    text = b"".join(
        content for name, content in unpacked(client).items() if name.endswith(".json")
    )

    member.refresh_from_db()
    run = Job.objects.get().training_run
    for secret in (row.hash, token, member.password, run.secret_hash):
        assert secret.encode() not in text


def test_nobody_else_s_data_are_in_it(client, member, stranger):
    make_belongings(stranger)
    Job.objects.create(owner=stranger, dataset=make_dataset())

    assert list(unpacked(client)) == ["account.json"]


def test_data_of_a_job_that_nobody_owns_are_in_it(client, member):
    dataset = make_dataset()
    Job.objects.create(owner=member, dataset=dataset)

    assert f"datasets/{dataset.id}/original" in unpacked(client)


def test_an_archive_is_made_piece_by_piece(client, member):
    lines = b"".join(make_lines(1500) for _ in range(20))
    make_dataset(lines, owner=member)

    pieces = list(client.get(EXPORT).streaming_content)

    assert all(pieces)
    assert max(map(len, pieces)) < 2**20


@pytest.fixture
def delete(client, django_capture_on_commit_callbacks):
    """Sends the form; what waits for the transaction's end happens, as on a server."""

    def send(**body):
        with django_capture_on_commit_callbacks(execute=True):
            return client.post(DELETE, body)

    return send


def test_deleting_an_account_leaves_no_row_and_no_file(client, delete, member, files):
    make_belongings(member)
    make_notebook(make_dataset(owner=member))
    create_token(user=member, name="x", scope="read", days=7)
    token_for(username="owner", password=PASSWORD)
    EmailAddress.objects.create(user=member, email=member.email)
    assert len(files_in(files)) == 10

    answer = delete(password=PASSWORD)

    assert answer["Location"] == "/app/"
    assert files_in(files) == []
    for model in (
        User, Dataset, WorkItem, Notebook, Job, TrainingPoint, ApiToken, Identity,
        EmailAddress,
    ):  # fmt: skip
        assert model.objects.count() == 0
    page = client.get("/app/").content.decode()
    assert "Your account and everything in it is deleted" in page
    assert client.get("/app/account/").status_code == 302


def test_data_that_nobody_owns_stay_until_they_expire(delete, member):
    dataset = make_dataset()
    Job.objects.create(owner=member, dataset=dataset)

    delete(password=PASSWORD)

    assert not Job.objects.exists()
    assert Dataset.objects.get() == dataset


def test_other_people_keep_what_is_theirs(delete, member, stranger, files):
    theirs = make_belongings(stranger)
    shared = make_dataset()
    for user in (member, stranger):
        Job.objects.create(owner=user, dataset=shared)
    before = files_in(files)
    make_belongings(member)

    delete(password=PASSWORD)

    assert files_in(files) == before
    assert User.objects.get() == stranger
    assert Job.objects.count() == 2
    theirs.refresh_from_db()


def test_a_job_of_another_does_not_keep_the_data(delete, member, stranger, files):
    """A stranger's job on data that were adopted at that moment stopped a deletion."""
    job = make_belongings(stranger, dataset_owner=member)

    delete(password=PASSWORD)

    assert files_in(files) == []
    assert not Job.objects.filter(pk=job.pk).exists()


@pytest.mark.parametrize("body", [{}, {"password": "wrong"}, {"username": "owner"}])
def test_nothing_is_deleted_without_the_password(delete, member, body):
    answer = delete(**body)

    assert answer.status_code == 400
    assert "id_password_error" in answer.content.decode()
    assert User.objects.filter(pk=member.pk).exists()


def test_who_has_no_password_types_the_username(client, delete, owner):
    owner.set_unusable_password()
    owner.save()
    client.force_login(owner)

    refused = delete(username="Owner", password="")
    assert refused.status_code == 400
    assert "This is not your username; it is owner." in refused.content.decode()

    delete(username="owner")
    assert User.objects.count() == 0


def test_guessing_the_password_here_is_slowed_down(delete, member):
    for _ in range(10):
        delete(password="wrong")

    page = delete(password=PASSWORD).content.decode()

    assert "That was tried too often" in page
    assert User.objects.filter(pk=member.pk).exists()


def test_support_deletes_a_user_with_all_files(
    client, owner, admin_user, files, django_capture_on_commit_callbacks
):
    make_belongings(owner)
    client.force_login(admin_user)

    with django_capture_on_commit_callbacks(execute=True):
        client.post(f"/admin/auth/user/{owner.pk}/delete/", {"post": "yes"})

    assert User.objects.get() == admin_user
    assert files_in(files) == []


PRIVATE = ["", "tokens/", "export/", "delete/", "email/", "password/change/",
           "password/set/", "connections/", "reauthenticate/"]  # fmt: skip


@pytest.mark.parametrize("path", PRIVATE)
def test_a_page_of_one_s_own_asks_who_one_is(path):
    for answer in (
        Client().get(f"/app/account/{path}"),
        Client().post(f"/app/account/{path}"),
    ):
        assert answer.status_code in {302, 405}
        if answer.status_code == 302:
            assert answer["Location"].startswith("/app/account/login/?next=")


def test_a_bearer_token_opens_no_page(owner):
    token = create_token(user=owner, name="x", scope="write", days=7)[1]

    answer = Client().get("/app/account/", HTTP_AUTHORIZATION=f"Bearer {token}")

    assert answer.status_code == 302
