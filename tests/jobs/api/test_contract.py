"""What clients of the original API send with `POST /jobs`."""

import json
import threading
import time

import pytest
from django.db import IntegrityError, OperationalError, connection

from jobs.models import Job
from jobs.services import record_notebook
from notebooks.services import generate_notebook
from recommender.services import catalog
from slmgen.identity.services import token_for
from tests.factories import make_dataset

pytestmark = pytest.mark.django_db


@pytest.fixture
def create(client, owner):
    dataset = make_dataset(owner=owner)
    token = token_for(username="owner", password="owner-password")

    def sent(**body):
        return client.post(
            "/jobs", json.dumps({"session_id": str(dataset.pk), **body}),
            "application/json", HTTP_AUTHORIZATION=f"Bearer {token}",
        )  # fmt: skip

    return sent


ORIGINAL = {
    "dataset_filename": "other.jsonl", "dataset_path": "uploads/other.jsonl",
    "total_examples": 7, "total_tokens": 70, "quality_score": 0.1,
    "selected_model_id": "qwen3-0.6b", "selected_model_name": "Another",
    "model_score": 0.9,
}  # fmt: skip


def test_the_original_body_is_taken_and_the_true_values_are_answered(create):
    answer = create(**ORIGINAL)

    job = answer.json()
    assert answer.status_code == 201
    assert (job["dataset_filename"], job["total_examples"]) == ("chat.jsonl", 60)
    assert (job["quality_score"], job["total_tokens"] > 70) == (1.0, True)
    assert (job["model_id"], job["model_name"]) == ("qwen3-0.6b", "Qwen3 0.6B")
    assert not {"dataset_path", "selected_model_id", "model_score"} & set(job)


@pytest.mark.parametrize("name", sorted(set(ORIGINAL) - {"selected_model_id"}))
@pytest.mark.parametrize("value", [None, "", [], {"a": [1]}, -1.5])
def test_what_is_not_stored_may_be_anything(create, name, value):
    assert create(**{name: value}).status_code == 201


@pytest.mark.parametrize("name", ["model_id", "selected_model_id"])
def test_the_model_has_two_names(create, name):
    assert create(**{name: "qwen3-0.6b"}).json()["model_id"] == "qwen3-0.6b"


def test_both_names_of_the_model_may_say_the_same(create):
    same = create(model_id="qwen3-0.6b", selected_model_id="qwen3-0.6b")

    assert same.json()["model_id"] == "qwen3-0.6b"


def test_two_models_are_refused(create):
    answer = create(model_id="qwen3-0.6b", selected_model_id="gemma-3-270m")

    assert answer.status_code == 400
    assert answer.json()["detail"] == (
        "model_id is 'qwen3-0.6b' and selected_model_id is 'gemma-3-270m'; they are "
        "two names of one field, so send one of them."
    )


def test_a_change_takes_the_same_names(client, create):
    token = token_for(username="owner", password="owner-password")
    address = f"/jobs/{create(**ORIGINAL).json()['id']}"

    changed = client.patch(
        address, json.dumps({**ORIGINAL, "selected_model_id": "gemma-3-270m"}),
        "application/json", HTTP_AUTHORIZATION=f"Bearer {token}",
    )  # fmt: skip

    assert changed.json()["model_id"] == "gemma-3-270m"


def test_no_model_is_none(create):
    assert create(selected_model_id=None).json()["model_id"] is None


@pytest.mark.parametrize(
    ("name", "start"),
    [
        (
            "modelid",
            "Unknown field 'modelid'; did you mean 'model_id'? Expected one of model",
        ),
        (
            "training_confg",
            "Unknown field 'training_confg'; did you mean 'training_con",
        ),
        ("zzz", "Unknown field 'zzz'; expected one of model_id, "),
        ("x" * 10**5, "Unknown field 'xxx"),
    ],
)
def test_an_unknown_field_is_told_with_the_nearest_one(create, name, start):
    answer = create(**{name: 1})

    assert answer.status_code == 400
    assert answer.json()["detail"].startswith(start)
    assert not Job.objects.exists()


# One job of a notebook


def notebook_of(dataset):
    model = catalog().get("qwen3-0.6b")
    return generate_notebook(dataset, models=[model], training_config=None)


@pytest.mark.django_db(transaction=True)
def test_a_notebook_recorded_twice_at_once_is_one_job(owner):
    notebook = notebook_of(make_dataset(owner=owner))
    together, made = threading.Barrier(2), []

    def record():
        together.wait()
        while True:
            try:
                made.append(record_notebook(owner=owner, notebook=notebook).pk)
            except OperationalError:  # SQLite in memory does not wait for locks
                time.sleep(0.01)
            else:
                break
        connection.close()

    threads = [threading.Thread(target=record) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert made == [Job.objects.get().pk] * 2


def test_the_database_takes_no_second_job_of_a_notebook(owner):
    notebook = notebook_of(make_dataset(owner=owner))
    record_notebook(owner=owner, notebook=notebook)

    with pytest.raises(IntegrityError):
        Job.objects.create(owner=owner, dataset=notebook.dataset, notebook=notebook)


def test_two_owners_may_have_a_job_of_one_notebook(owner, stranger):
    notebook = notebook_of(make_dataset())

    jobs = {
        record_notebook(owner=user, notebook=notebook) for user in (owner, stranger)
    }

    assert len(jobs) == 2
