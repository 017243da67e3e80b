import json

import pytest
from django.core.cache import cache

from datasets.models import Dataset
from jobs.models import MOVES, Job
from notebooks.models import Notebook
from slmgen.identity.services import token_for
from tests.factories import make_dataset

pytestmark = pytest.mark.django_db


@pytest.fixture
def call(client, owner):
    cache.clear()
    token = token_for(username="owner", password="owner-password")

    def called(method, path, body=None):
        return client.generic(
            method, path, json.dumps(body) if body is not None else "",
            "application/json", HTTP_AUTHORIZATION=f"Bearer {token}",
        )  # fmt: skip

    return called


@pytest.fixture
def dataset(owner):
    return make_dataset(owner=owner)


def create(call, dataset, **more):
    return call("POST", "/jobs", {"session_id": str(dataset.id), **more}).json()


def test_a_job_knows_its_dataset_and_model(call, dataset):
    job = create(
        call, dataset, model_id="microsoft/Phi-4-mini-instruct", task_type="chat",
        deployment_target="edge", training_config={"lora_rank": 8},
    )  # fmt: skip

    assert (job["model_id"], job["model_name"]) == ("phi-4-mini", "Phi-4 Mini")
    assert (job["task_type"], job["deployment_target"]) == ("conversation", "edge")
    assert job["training_config"] == {"lora_rank": 8}
    assert (job["total_examples"], job["quality_score"]) == (60, 1.0)
    assert (job["status"], job["training"], job["notebook_path"]) == (
        "created", None, None,
    )  # fmt: skip


def test_what_was_not_chosen_is_null(call, dataset):
    job = create(call, dataset)

    assert [job[key] for key in ("model_id", "model_name", "task_type")] == [None] * 3


def test_generating_with_a_token_records_a_job(call, dataset):
    need = {"task_type": "qa", "deployment_target": "edge"}
    call("POST", "/recommend", {"session_id": str(dataset.id), **need})
    made = call("POST", "/generate", {"session_id": str(dataset.id)}).json()

    (item,) = call("GET", "/jobs").json()
    job = call("GET", f"/jobs/{item['id']}").json()

    assert job["download_url"] == made["download_url"]
    assert job["notebook_path"] == made["notebook_path"]
    assert (job["task_type"], job["deployment_target"]) == ("qa", "edge")
    assert job["training_config"]["lora_rank"] == 8


def test_generating_without_a_token_records_none(client):
    dataset = make_dataset()

    client.post("/generate", {"session_id": str(dataset.id)}, "application/json")

    assert (Job.objects.count(), Notebook.objects.count()) == (0, 1)


def test_the_history_is_newest_first_in_pages(call, dataset):
    made = [create(call, dataset)["id"] for _ in range(3)]

    first = call("GET", "/jobs?limit=2").json()
    rest = call("GET", "/jobs?limit=2&offset=2").json()

    assert [job["id"] for job in first + rest] == made[::-1]


STATUSES = list(Job.Status.values)


@pytest.mark.parametrize("start", STATUSES)
@pytest.mark.parametrize("end", STATUSES)
def test_only_legal_moves_are_made(call, dataset, start, end):
    job = create(call, dataset)
    Job.objects.update(status=start)
    is_legal = end == start or end in MOVES[start]

    response = call("PATCH", f"/jobs/{job['id']}", {"status": end})

    assert response.status_code == (200 if is_legal else 400)
    assert Job.objects.get().status == (end if is_legal else start)


def test_an_ended_job_says_that_it_has_ended(call, dataset):
    job = create(call, dataset)
    Job.objects.update(status="completed")

    response = call("PATCH", f"/jobs/{job['id']}", {"status": "running"})

    assert response.json()["detail"] == (
        "A completed job cannot become running, it has ended."
    )


def test_the_configuration_is_edited_while_nothing_has_run(call, dataset):
    job = create(call, dataset)

    changed = call("PATCH", f"/jobs/{job['id']}", {"model_id": "qwen3-0.6b"}).json()
    call("PATCH", f"/jobs/{job['id']}", {"status": "running"})
    refused = call("PATCH", f"/jobs/{job['id']}", {"model_id": "phi-4-mini"})

    assert changed["model_id"] == "qwen3-0.6b"
    assert refused.status_code == 400
    assert "cannot be edited" in refused.json()["detail"]


def test_a_change_is_made_whole_or_not_at_all(call, dataset):
    job = create(call, dataset)

    call("PATCH", f"/jobs/{job['id']}", {"model_id": "phi-4-mini", "status": "failed"})

    assert Job.objects.get().model_id == ""


def stored(files):
    return [path for path in files.rglob("*") if path.is_file()]


@pytest.mark.django_db(transaction=True)
def test_deleting_the_last_job_deletes_notebook_dataset_and_files(call, dataset, files):
    call("POST", "/generate", {"session_id": str(dataset.id)})
    (job,) = call("GET", "/jobs").json()

    response = call("DELETE", f"/jobs/{job['id']}")

    assert response.status_code == 204
    assert (Dataset.objects.count(), Notebook.objects.count()) == (0, 0)
    assert stored(files) == []
    assert call("GET", f"/jobs/{job['id']}").status_code == 404


@pytest.mark.django_db(transaction=True)
def test_a_dataset_that_another_job_uses_is_kept(call, dataset, files):
    create(call, dataset)
    job = create(call, dataset)

    call("DELETE", f"/jobs/{job['id']}")

    assert call("GET", f"/analyze/{dataset.id}").status_code == 200
    assert len(stored(files)) == 3


@pytest.mark.django_db(transaction=True)
def test_a_deleted_account_takes_its_rows_along(call, dataset, owner):
    create(call, dataset)

    owner.delete()

    assert (Dataset.objects.count(), Job.objects.count()) == (0, 0)
