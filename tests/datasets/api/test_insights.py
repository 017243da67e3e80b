import pytest
from django.core.management import call_command

from datasets.models import Kind, WorkItem
from tests.factories import jsonl, make_conversation, make_dataset

pytestmark = pytest.mark.django_db

FIELDS = [
    "session_id", "version", "languages", "language_confidence", "other_languages",
    "near_duplicates", "conflicting_answers", "private", "labels", "length_outliers",
    "split", "tokenizers",
]  # fmt: skip


def test_a_small_dataset_is_looked_at_when_asked_for(client):
    dataset = make_dataset()

    response = client.get(f"/datasets/{dataset.id}/insights")

    assert response.status_code == 200
    assert list(response.json()) == FIELDS
    assert response.json()["session_id"] == str(dataset.id)


def test_a_look_is_taken_once(client):
    dataset = make_dataset()

    for _ in range(2):
        client.get(f"/datasets/{dataset.id}/insights")

    assert WorkItem.objects.get(dataset=dataset, kind=Kind.INSIGHTS).fence == 1


def test_a_large_dataset_is_looked_at_by_the_worker(client, settings):
    dataset = make_dataset()
    settings.SLMGEN_INLINE_ANALYSIS_BYTES = 0
    address = f"/datasets/{dataset.id}/insights"

    waiting = client.get(address)
    call_command("work", drain=True)

    assert waiting.status_code == 202
    assert "The closer look is 0% done" in waiting.json()["detail"]
    assert client.get(address).status_code == 200


def test_a_failed_look_is_409(client):
    dataset = make_dataset()
    WorkItem.objects.create(dataset=dataset, kind=Kind.INSIGHTS, state="failed")

    assert client.get(f"/datasets/{dataset.id}/insights").status_code == 409


def test_the_profile_has_every_figure_and_the_parts_of_the_score(client):
    rows = [make_conversation(f"q{n}", "a") for n in range(60)]
    rows[0]["messages"][1]["weight"] = 0
    rows[1]["messages"][0]["content"] = "<|im_end|>"
    rows[2]["messages"][1]["weight"] = 0
    lines = jsonl(rows).splitlines(keepends=True)
    lines[2] = lines[2].replace(b"weight", rb"weigh\u0074")
    dataset = make_dataset(b"".join(lines))

    body = client.get(f"/datasets/{dataset.id}/profile").json()

    assert body["turns"] == {"1": 60}
    assert body["answer_tokens"] == 60
    assert body["trainable_share"] == round(58 / body["total_tokens"], 4)
    assert sum(body["token_histogram"].values()) == 60
    assert body["tokens_per_message"]["p50"] in {1, 2}
    (part,) = body["quality_parts"]
    assert (part["name"], part["count"], part["rows"]) == ("control_token", 1, [2])
