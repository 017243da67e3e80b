"""A model leaves the catalog; what was made with it stays, and is shown by its id."""

import json

import pytest
from django.contrib.auth.models import User
from django.urls import reverse

from jobs.models import Job
from notebooks.models import Notebook
from recommender.models import Recommendation
from recommender.services import best_model, catalog
from slmgen.identity.services import token_for
from tests.factories import make_dataset

pytestmark = pytest.mark.django_db

LEFT = "model-that-left"


@pytest.fixture
def job(signed_in, made):
    """A job, its notebook and the last ranking, all of a model that is no more."""
    need = {"task_type": "qa", "deployment_target": "edge"}
    signed_in.post(
        "/recommend", {"session_id": str(made.dataset_id), **need}, "application/json",
        **bearer_of(made.owner),
    )  # fmt: skip
    last = Recommendation.objects.get()
    last.ranking["recommended"][0]["model"] = LEFT
    last.save()
    Notebook.objects.update(model_id=LEFT)
    Job.objects.update(model_id=LEFT)
    made.refresh_from_db()
    return made


@pytest.fixture
def compared(signed_in, dataset):
    models = ["qwen3-0.6b", "gemma-3-270m"]
    signed_in.post(f"/app/datasets/{dataset.id}/compare/", {"model": models})
    Notebook.objects.update(model_id=LEFT, candidates=[LEFT, "gemma-3-270m"])
    return Job.objects.get()


def bearer_of(user):
    token = token_for(username=user.username, password="owner-password")
    return {"HTTP_AUTHORIZATION": f"Bearer {token}"}


PAGES = [
    "/app/jobs/", "/app/jobs/?model=model-that-left", "/app/jobs/{job}/",
    "/app/jobs/{job}/losses.csv", "/app/jobs/{job}/delete/",
    "/app/notebooks/{notebook}/", "/app/datasets/{dataset}/",
    "/app/datasets/{dataset}/model/", "/app/datasets/{dataset}/training/",
    "/app/account/export/", "/app/notebooks/{notebook}/download/",
]  # fmt: skip


def filled(address, job):
    return address.format(
        job=job.pk, dataset=job.dataset_id, notebook=job.notebook_id,
        filename=job.notebook.filename,
    )  # fmt: skip


@pytest.mark.parametrize("address", PAGES)
def test_every_page_of_such_a_job_is_there(signed_in, job, address):
    answer = signed_in.get(filled(address, job))

    assert answer.status_code in {200, 302}  # to an object
    answer.close()


@pytest.mark.parametrize("address", PAGES)
def test_so_is_every_page_of_one_that_compares(signed_in, compared, address):
    answer = signed_in.get(filled(address, compared))

    assert answer.status_code in {200, 302}  # to an object
    answer.close()


API = [
    ("GET", "/jobs", None), ("GET", "/jobs/{job}", None),
    ("PATCH", "/jobs/{job}", {"status": "running"}),
    ("PATCH", "/jobs/{job}", {"model_id": "qwen3-0.6b"}),
    ("GET", "/jobs/{job}/training", None), ("GET", "/jobs/{job}/training/events", None),
    ("POST", "/generate", {"session_id": "{dataset}"}),
    ("POST", "/plan", {"session_id": "{dataset}"}),
    ("GET", "/datasets/{dataset}/suggest", None), ("GET", "/download/{filename}", None),
]  # fmt: skip


@pytest.mark.parametrize(("method", "address", "body"), API)
def test_the_api_answers(client, job, method, address, body):
    text = json.dumps(body or {}).replace("{dataset}", str(job.dataset_id))

    answer = client.generic(
        method, filled(address, job), text, "application/json", **bearer_of(job.owner)
    )

    assert answer.status_code in {200, 302}  # to an object


def test_the_model_goes_by_its_id(signed_in, job):
    details = signed_in.get(f"/jobs/{job.pk}", **bearer_of(job.owner)).json()

    assert (details["model_id"], details["model_name"]) == (LEFT, LEFT)
    for address in ("/app/jobs/{job}/", "/app/notebooks/{notebook}/", "/app/jobs/"):
        assert LEFT in signed_in.get(filled(address, job)).content.decode()


def test_such_a_job_is_compared(signed_in, job):
    other = Job.objects.create(owner=job.owner, dataset=make_dataset(owner=job.owner))

    answer = signed_in.get(f"/app/jobs/compare/?job={job.pk}&job={other.pk}")

    assert answer.status_code in {200, 302}  # to an object
    assert LEFT in answer.content.decode()


def test_it_cannot_be_cloned_and_that_is_said(signed_in, job):
    answer = signed_in.get(f"/app/jobs/{job.pk}/clone/")

    assert answer.status_code == 409
    assert "has left the catalog" in answer.content.decode()


def test_a_job_without_a_notebook_leads_to_where_one_is_made(signed_in, job):
    Job.objects.update(notebook=None)

    shown = signed_in.get(f"/app/jobs/{job.pk}/").content.decode()

    address = reverse("page-training", args=[job.dataset_id])
    assert f'href="{address}"' in shown
    assert signed_in.get(address).status_code == 200


def test_another_model_is_chosen_where_none_is_named(job):
    assert best_model(job.dataset) in catalog().models
    assert best_model(job.dataset, wait=False) in catalog().models


@pytest.mark.parametrize("kind", ["jobs_job", "notebooks_notebook"])
def test_support_sees_it(client, job, kind):
    User.objects.create_superuser("admin")
    client.force_login(User.objects.get(username="admin"))

    answer = client.get(reverse(f"admin:{kind}_changelist"))
    actions = client.post(
        reverse(f"admin:{kind}_changelist"),
        {"action": "lint", "_selected_action": [job.notebook_id if "note" in kind
                                                else job.pk]},
        follow=True,
    )  # fmt: skip

    assert (answer.status_code, actions.status_code) == (200, 200)
    assert LEFT in answer.content.decode()
