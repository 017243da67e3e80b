import pytest

from datasets.core.faults.catalog import KINDS
from tests.factories import jsonl, make_conversation, make_dataset, make_file

pytestmark = pytest.mark.django_db

ROWS = [
    *[make_conversation(f"q{n}", f"a{n}") for n in range(60)],
    *[make_conversation(f"q{n} <think>", "TODO") for n in range(30)],
    {"messages": [{"role": "User", "content": None}]},
]


def problems(client, dataset, query=""):
    return client.get(f"/datasets/{dataset.id}/problems{query}")


def test_problems_are_grouped_counted_and_listed(client):
    body = problems(client, make_dataset(jsonl(ROWS)), "?page_size=2").json()

    assert body["kinds"] == [
        {"kind": "placeholder", "title": KINDS["placeholder"].title, "problems": 30,
         "rows": 30, "left_out": 0, "first_lines": list(range(61, 81))},
        {"kind": "control_token", "title": KINDS["control_token"].title, "problems": 30,
         "rows": 30, "left_out": 0, "first_lines": list(range(61, 81))},
        {"kind": "role_case", "title": KINDS["role_case"].title, "problems": 1,
         "rows": 1, "left_out": 1, "first_lines": [91]},
    ]  # fmt: skip
    assert (body["total_count"], body["page"], body["page_size"]) == (61, 1, 2)
    assert {problem["line"] for problem in body["problems"]} == {61}


def test_a_kind_is_paged_alone(client):
    dataset = make_dataset(jsonl(ROWS))

    body = problems(client, dataset, "?kind=role_case").json()

    assert body["total_count"] == 1
    assert body["problems"] == [
        {
            "line": 91, "message": 0, "field": "role", "kind": "role_case",
            "found": "'User'",
            "expected": "one of system, developer, user, assistant, tool, function",
            "fix": "write it as 'user'", "left_out": True,
            "sentence": "Line 91: messages[0].role is 'User'; expected one of system, "
            "developer, user, assistant, tool, function; write it as 'user'.",
        }
    ]  # fmt: skip


def test_pages_together_are_all_problems(client):
    dataset = make_dataset(jsonl(ROWS))

    pages = [
        problems(client, dataset, f"?kind=placeholder&page={n}&page_size=8").json()
        for n in range(1, 6)
    ]

    lines = [problem["line"] for page in pages for problem in page["problems"]]
    assert lines == list(range(61, 91))


def test_a_kind_that_does_not_occur_is_empty(client):
    body = problems(client, make_dataset(), "?kind=json").json()

    assert (body["kinds"], body["problems"], body["total_count"]) == ([], [], 0)


def test_an_unknown_kind_is_400_and_lists_the_known(client):
    response = problems(client, make_dataset(), "?kind=nonsense")

    assert response.status_code == 400
    assert (
        "kind is 'nonsense'; expected one of length, table, json"
        in response.json()["detail"]
    )


def test_issues_name_each_kind_with_its_lines(client):
    dataset = make_dataset(jsonl(ROWS))

    issues = client.get(f"/analyze/{dataset.id}").json()["quality_issues"]

    assert (
        "Placeholders instead of content: 30 of 90 (33.3%), on lines 61, 62, 63, 64, "
        "65 and 25 more." in issues
    )


def test_a_refusal_names_the_first_twenty_lines(client):
    content = jsonl([{"messages": [{"role": "User", "content": "x"}]}] * 30)

    detail = client.post("/upload", {"file": make_file(content)}).json()["detail"]

    assert "Line 20: messages[0].role is 'User'" in detail
    assert "And 10 more." in detail
