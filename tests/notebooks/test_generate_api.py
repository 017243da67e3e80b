import json

import pytest

from notebooks.models import Notebook
from notebooks.services import NotebookFault, generate_notebook
from recommender.services import catalog
from slmgen import storage
from tests.factories import make_dataset

pytestmark = pytest.mark.django_db


def generate(client, dataset, **body):
    body = {"session_id": str(dataset.id), **body}
    return client.post("/generate", json.dumps(body), "application/json")


def test_the_model_defaults_to_the_best_recommendation(client):
    dataset = make_dataset()
    need = {"task_type": "qa", "deployment_target": "mobile"}
    found = client.post(
        "/recommend",
        json.dumps({"session_id": str(dataset.id), **need}),
        "application/json",
    ).json()

    generate(client, dataset)

    best = found["recommendations"][0]["model_id"]
    assert Notebook.objects.get().model_id == best


def test_every_notebook_has_an_address_of_its_own(client):
    dataset = make_dataset()

    first, second = (generate(client, dataset).json() for _ in range(2))

    assert first["download_url"] != second["download_url"]
    assert client.get(first["download_url"]).content == (
        client.get(second["download_url"]).content
    )


def test_null_stands_for_a_default(client):
    response = generate(client, make_dataset(), model_id=None, training_config=None)

    assert response.status_code == 200


def test_a_notebook_that_fails_its_lint_is_never_handed_out(monkeypatch, files):
    dataset = make_dataset()
    monkeypatch.setattr("notebooks.services.lint", lambda content: ["cell 3: broken"])

    with pytest.raises(NotebookFault, match="cell 3: broken"):
        generate_notebook(
            dataset, model=catalog().get("qwen3-0.6b"), training_config=None
        )

    assert Notebook.objects.count() == 0
    assert not list(files.rglob("*.ipynb"))


def test_a_failing_database_leaves_no_notebook(client, monkeypatch, files):
    def fail(*args, **kwargs):
        raise OSError(28, "No space left on device")

    dataset = make_dataset()
    monkeypatch.setattr(Notebook, "save", fail)

    assert generate(client, dataset).status_code == 507
    assert not list(files.rglob("*.ipynb"))


def test_a_full_disk_leaves_no_part_of_a_file(client, monkeypatch, files):
    dataset = make_dataset()

    def fail(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(storage.os, "fsync", fail)

    assert generate(client, dataset).status_code == 507
    assert not [p for p in files.rglob("*") if p.suffix in {".part", ".ipynb"}]
