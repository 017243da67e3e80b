import json

import pytest

from datasets.models import Dataset
from tests.factories import make_dataset, make_file

pytestmark = pytest.mark.django_db

TABLE = b"text,category\n" + b"".join(b"hello %d,greeting\n" % n for n in range(60))
TURNED = {"user": "category", "assistant": "text"}


def post(client, dataset, body):
    address = f"/datasets/{dataset.id}/mapping"
    return client.post(address, json.dumps(body), content_type="application/json")


def test_a_guess_is_shown_with_the_row_it_makes(client):
    dataset = make_dataset(TABLE, name="table.csv")

    body = client.get(f"/datasets/{dataset.id}/mapping").json()

    assert body == {
        "session_id": str(dataset.id),
        "container": "CSV",
        "form": "two columns",
        "guessed": True,
        "columns": ["text", "category"],
        "mapping": {"user": "text", "assistant": "category"},
        "source_row": {"text": "hello 0", "category": "greeting"},
        "example": {
            "messages": [
                {"role": "user", "content": "hello 0"},
                {"role": "assistant", "content": "greeting"},
            ]
        },
    }


def test_a_guess_is_an_issue_that_costs_nothing(client):
    dataset = make_dataset(TABLE)

    issues = client.get(f"/analyze/{dataset.id}").json()["quality_issues"]

    (hint,) = [text for text in issues if text.startswith("Hint: ")]
    assert "'text' as user and 'category' as assistant" in hint
    assert issues[-1] == hint


def test_a_mapping_may_come_with_the_upload(client):
    form = {"file": make_file(TABLE), "mapping": json.dumps(TURNED)}

    session_id = client.post("/upload", form).json()["session_id"]

    dataset = Dataset.objects.get(pk=session_id)
    assert (dataset.form, dataset.columns) == ("mapped", TURNED)


@pytest.mark.parametrize("text", ["x", "[]", '{"user": 1}', '{"user": "text"}'])
def test_a_mapping_that_is_none_is_400(client, text):
    response = client.post("/upload", {"file": make_file(TABLE), "mapping": text})

    assert response.status_code == 400
    assert "mapping" in response.json()["detail"]


def test_another_mapping_makes_a_new_version(client, files):
    dataset = make_dataset(TABLE, name="table.csv")

    body = post(client, dataset, {"mapping": TURNED}).json()

    version = Dataset.objects.get(pk=body["session_id"])
    assert version.parent == dataset
    assert (version.filename, version.sha256) == ("table.csv", dataset.sha256)
    assert body["example"]["messages"][0] == {"role": "user", "content": "greeting"}
    preview = client.get(f"/preview/{version.id}").json()
    assert preview["examples"][0]["messages"] == body["example"]["messages"]
    assert (files / version.original_key).read_bytes() == TABLE


def test_a_dry_run_shows_the_row_and_keeps_nothing(client):
    dataset = make_dataset(TABLE)

    body = post(client, dataset, {"mapping": TURNED, "dry_run": True}).json()

    assert body["session_id"] == str(dataset.id)
    assert body["example"]["messages"][1] == {"role": "assistant", "content": "hello 0"}
    assert Dataset.objects.count() == 1


def test_a_mapping_that_makes_no_example_is_400(client):
    dataset = make_dataset(TABLE)

    response = post(client, dataset, {"mapping": {"messages": "text"}})

    assert response.status_code == 400
    assert "none of the first 100 rows is an example" in response.json()["detail"]


def test_a_chat_file_shows_its_first_example_unchanged(client):
    dataset = make_dataset()

    body = client.get(f"/datasets/{dataset.id}/mapping").json()

    assert body["mapping"] == {"messages": "messages"}
    assert body["source_row"] == body["example"]
