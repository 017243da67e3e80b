import json

import pytest

from datasets.models import Dataset
from tests.factories import jsonl, make_conversation, make_dataset

pytestmark = pytest.mark.django_db

ROWS = [make_conversation(f"q{n}", f"a{n}") for n in range(60)]
CONTENT = jsonl([*ROWS, *ROWS[:5], make_conversation("q", "TODO")])
DROP = {"kind": "drop_exact_duplicates"}


def repair(client, dataset, *repairs, **more):
    return client.post(
        f"/datasets/{dataset.id}/repairs",
        json.dumps({"repairs": list(repairs), **more}),
        content_type="application/json",
    )


def test_a_repair_makes_a_version_that_knows_its_parent(client, files):
    dataset = make_dataset(CONTENT)

    body = repair(client, dataset, DROP).json()

    version = Dataset.objects.get(pk=body["session_id"])
    assert (version.parent, body["parent_id"]) == (dataset, str(dataset.id))
    assert (body["rows_before"], body["rows_after"], body["unreadable"]) == (66, 61, 0)
    assert [(c["kind"], c["dropped"]) for c in body["changes"]] == [
        ("drop_exact_duplicates", 5)
    ]
    assert version.total_examples == 61
    assert version.repairs["rows_after"] == 61
    assert (files / dataset.original_key).read_bytes() == CONTENT


def test_the_new_version_is_analyzed_like_any_other(client):
    dataset = make_dataset(CONTENT)
    faults = {"kind": "drop_faults", "faults": ["placeholder"]}

    session_id = repair(client, dataset, DROP, faults).json()["session_id"]

    assert client.get(f"/analyze/{dataset.id}").json()["quality_score"] < 1.0
    assert client.get(f"/analyze/{session_id}").json()["quality_score"] == 1.0


def test_a_dry_run_reports_and_keeps_nothing(client):
    dataset = make_dataset(CONTENT)

    body = repair(client, dataset, DROP, dry_run=True).json()

    assert body["session_id"] == str(dataset.id)
    assert body["rows_after"] == 61
    assert Dataset.objects.count() == 1


def test_near_duplicates_are_dropped_but_for_the_first(client):
    text = "The quick brown fox jumps over the lazy dog, and then it sleeps well. " * 3
    rows = [*ROWS, make_conversation(text, "a"), make_conversation(text + "Yes.", "a")]
    dataset = make_dataset(jsonl(rows))

    body = repair(client, dataset, {"kind": "drop_near_duplicates"}).json()

    assert body["changes"][0]["first"][0]["line"] == 62
    assert body["rows_after"] == 61


@pytest.mark.parametrize(
    "repairs", [[], [{"kind": "x"}], [{}], "x", [{"kind": "map_roles", "roles": 3}],
                [DROP] * 21]
)  # fmt: skip
def test_senseless_repairs_are_400_with_one_sentence(client, repairs):
    dataset = make_dataset()

    response = client.post(
        f"/datasets/{dataset.id}/repairs",
        json.dumps({"repairs": repairs}),
        content_type="application/json",
    )

    assert response.status_code == 400
    assert isinstance(response.json()["detail"], str)


@pytest.mark.parametrize("form", ["jsonl", "alpaca", "sharegpt", "parquet"])
def test_an_export_is_a_file_to_keep(client, form):
    dataset = make_dataset()

    response = client.get(f"/datasets/{dataset.id}/export?format={form}")

    assert response.status_code == 200
    assert "attachment" in response["Content-Disposition"]
    assert len(b"".join(response.streaming_content)) > 100


def test_an_unknown_form_is_400(client):
    response = client.get(f"/datasets/{make_dataset().id}/export?format=xlsx")

    assert response.status_code == 400
    assert "format is 'xlsx'; expected one of jsonl" in response.json()["detail"]
