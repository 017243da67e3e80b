"""Analysis, preview and distribution by the API."""

import pytest

from datasets.models import WorkItem
from tests.factories import (
    jsonl,
    make_conversation,
    make_dataset,
    make_file,
    make_lines,
)

pytestmark = pytest.mark.django_db


def test_a_small_file_is_analyzed_at_once(client):
    session_id = client.post("/upload", {"file": make_file()}).json()["session_id"]

    assert WorkItem.objects.get(dataset=session_id).state == "done"


def analysis_of(client, dataset):
    return client.get(f"/analyze/{dataset.id}")


def test_an_analysis_answers_with_the_contract_s_fields(client):
    response = analysis_of(client, make_dataset())

    assert response.status_code == 200
    body = response.json()
    assert list(body) == [
        "session_id",
        "total_examples",
        "total_tokens",
        "avg_tokens_per_example",
        "quality_score",
        "quality_issues",
        "format_valid",
    ]
    assert (body["total_examples"], body["quality_score"]) == (60, 1.0)
    assert (body["quality_issues"], body["format_valid"]) == ([], True)


def test_bad_lines_are_named_in_the_analysis(client):
    dataset = make_dataset(make_lines(60) + b"oops\n")

    body = analysis_of(client, dataset).json()

    assert body["format_valid"] is False
    assert any(issue.startswith("Line 61: ") for issue in body["quality_issues"])


def test_a_running_analysis_is_202(client, settings):
    settings.SLMGEN_INLINE_ANALYSIS_BYTES = 0
    dataset = make_dataset()
    WorkItem.objects.update(state="running", progress=43)

    for path in ("analyze/{}", "preview/{}", "preview/{}/distribution"):
        response = client.get("/" + path.format(dataset.id))

        assert response.status_code == 202
        assert response["Retry-After"] == "5"
        assert response.json() == {
            "detail": "Analysis is 43% done; try again in 5 seconds."
        }


def test_a_failed_analysis_is_409(client):
    dataset = make_dataset()
    WorkItem.objects.update(state="failed")

    assert analysis_of(client, dataset).status_code == 409


rows = [make_conversation(f"q{n}", f"a{n}", id=n) for n in range(23)]


def test_a_preview_has_five_examples_by_default(client):
    dataset = make_dataset(jsonl(rows))

    body = client.get(f"/preview/{dataset.id}").json()

    assert [e["messages"] for e in body["examples"]] == [
        row["messages"] for row in rows[:5]
    ]
    assert [e["index"] for e in body["examples"]] == [0, 1, 2, 3, 4]
    assert set(body["examples"][0]) == {"index", "messages", "token_count"}
    assert (body["total_count"], body["page"], body["page_size"]) == (23, 1, 5)


def test_pages_together_are_the_file(client):
    dataset = make_dataset(jsonl(rows))

    pages = [
        client.get(f"/preview/{dataset.id}?page={page}&page_size=10").json()
        for page in (1, 2, 3, 4)
    ]

    examples = [example for page in pages for example in page["examples"]]
    assert [e["messages"] for e in examples] == [row["messages"] for row in rows]
    assert pages[3]["examples"] == []


@pytest.mark.parametrize(
    "query", ["page=0", "page=-1", "page=x", "page_size=0", "page_size=101", "page=1.5"]
)
def test_a_bad_page_is_400_and_names_the_field(client, query):
    response = client.get(f"/preview/{make_dataset().id}?{query}")

    assert response.status_code == 400
    assert response.json()["detail"].startswith(query.partition("=")[0] + " is '")


def test_tool_calls_and_extra_keys_are_shown_as_uploaded(client):
    call = {"id": "c1", "type": "function", "function": {"name": "f"}}
    messages = [
        {"role": "user", "content": " x\t", "weight": 1},
        {"role": "assistant", "content": None, "tool_calls": [call]},
    ]
    dataset = make_dataset(jsonl([{"messages": messages}]))

    body = client.get(f"/preview/{dataset.id}").json()

    assert body["examples"][0]["messages"] == messages


def test_the_distribution_answers_with_the_contract_s_fields(client):
    body = client.get(f"/preview/{make_dataset().id}/distribution").json()

    assert body == {
        "roles": {"user": 60, "assistant": 60, "system": 0},
        "avg_message_length": body["avg_message_length"],
        "token_distribution": {"0-100": 60, "100-500": 0, "500-1000": 0, "1000+": 0},
        "has_system_prompts": False,
        "multi_turn_percentage": 0.0,
    }
    assert 10 < body["avg_message_length"] < 20


def test_duplicates_are_the_later_copies(client):
    dataset = make_dataset(jsonl([rows[0], rows[1], rows[0], rows[2], rows[1]]))

    body = client.get(f"/preview/{dataset.id}/duplicates").json()

    assert body == {"count": 2, "examples": [2, 4]}
