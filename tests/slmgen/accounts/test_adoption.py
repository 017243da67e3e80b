import pytest
from django.contrib.auth.models import User
from django.test import Client

from datasets.models import Dataset
from jobs.models import Job
from notebooks.models import Notebook
from tests.factories import make_dataset
from tests.slmgen.accounts.people import sign_in, sign_up

pytestmark = pytest.mark.django_db


def upload(client):
    """The id of a sample that this browser uploads."""
    return client.post("/app/", {"sample": "tools"})["Location"].split("/")[3]


def generate(client, dataset_id):
    client.post(f"/app/datasets/{dataset_id}/training/", {"model": "qwen3-0.6b"})
    return Notebook.objects.first()


def owner_of(dataset_id):
    return Dataset.objects.get(pk=dataset_id).owner


@pytest.mark.parametrize("way", ["in", "up"])
def test_what_a_browser_uploaded_is_its_user_s_from_then_on(client, owner, way):
    first, second = upload(client), upload(client)

    if way == "in":
        sign_in(client)
    else:
        sign_up(client)

    user = User.objects.get(username="owner" if way == "in" else "ada")
    assert owner_of(first) == owner_of(second) == user
    assert client.get(f"/app/datasets/{first}/").status_code == 200
    assert Client().get(f"/app/datasets/{first}/").status_code == 404
    assert client.get("/app/").content.decode().count(f"/app/datasets/{first}/") == 1


def test_more_is_adopted_than_the_start_page_lists(client, owner):
    uploaded = {upload(client) for _ in range(12)}

    sign_in(client)

    adopted = Dataset.objects.filter(owner=owner).values_list("pk", flat=True)
    assert {str(key) for key in adopted} == uploaded


def test_what_belongs_to_somebody_is_never_adopted(client, owner, stranger):
    dataset = upload(client)
    Dataset.objects.update(owner=stranger)

    sign_in(client)

    assert owner_of(dataset) == stranger


def test_who_knows_the_address_only_adopts_nothing(client, owner):
    dataset = make_dataset()
    client.get(f"/app/datasets/{dataset.id}/")

    sign_in(client)

    assert owner_of(dataset.id) is None


def test_what_another_account_works_with_stays_nobody_s(client, owner, stranger):
    dataset = upload(client)
    theirs = Job.objects.create(owner=stranger, dataset_id=dataset)

    sign_in(client)

    assert owner_of(dataset) is None
    assert client.get(f"/app/datasets/{dataset}/").status_code == 200
    assert list(Job.objects.all()) == [theirs]


def test_a_notebook_made_before_is_in_the_history(client, owner):
    notebook = generate(client, upload(client))
    assert Job.objects.count() == 0

    sign_in(client)

    job = Job.objects.get()
    assert (job.owner, job.notebook) == (owner, notebook)
    assert (job.model_id, job.created_at) == ("qwen3-0.6b", notebook.created_at)
    assert f"/app/jobs/{job.id}/" in client.get("/app/jobs/").content.decode()


def test_signing_in_again_makes_no_second_job(client, owner):
    generate(client, upload(client))
    sign_in(client)
    client.post("/app/account/logout/")

    sign_in(client)

    assert Job.objects.count() == 1


def test_signing_out_leaves_nothing_to_the_next_person(client, owner, stranger):
    mine = upload(client)
    sign_in(client)
    client.post("/app/account/logout/")
    assert f"/app/datasets/{mine}/" not in client.get("/app/").content.decode()

    sign_in(client, "stranger", "x-password")

    assert owner_of(mine) == owner
    assert client.get(f"/app/datasets/{mine}/").status_code == 404


def test_the_session_key_changes_and_its_data_stay(client, owner):
    dataset = upload(client)
    before = client.session.session_key

    sign_in(client)

    assert client.session.session_key != before
    assert client.session["datasets"] == [dataset]
