"""The page of one row."""

import re

import pytest

from recommender.services import catalog
from tests.factories import jsonl, make_conversation, make_dataset

pytestmark = pytest.mark.django_db
HOSTILE = '<script>alert(1)</script><img src=x onerror="alert(2)">'
ROWS = [make_conversation(f"What is {n}?", f"It is {n}.") for n in range(60)]


def address(dataset, number, query=""):
    return f"/app/datasets/{dataset.id}/rows/{number}/{query}"


def text(response):
    return response.content.decode()


def graded(page):
    marked = re.findall(r'<mark class="graded"><span.*?</mark>', page, re.DOTALL)
    return [re.sub(r"<span.*?</span>|</?mark.*?>", "", each) for each in marked]


def test_the_answer_is_marked_and_counted_in_the_model_s_own_tokens(client):
    dataset = make_dataset(jsonl(ROWS))

    page = text(client.get(address(dataset, 7, "?model=qwen3-0.6b")))

    assert graded(page) == ["It is 6.&lt;|im_end|&gt;"]
    assert re.search(r"<strong>6 of \d\d tokens</strong> are graded", page)
    assert "counted in characters" not in page


def test_without_a_vocabulary_characters_are_counted_and_that_is_said(client):
    dataset = make_dataset(jsonl(ROWS))

    page = text(client.get(address(dataset, 1, "?model=gemma-3-1b")))

    assert "characters</strong> are graded" in page
    assert "counted in characters, not in tokens" in page


def test_an_answer_with_weight_0_is_not_graded(client):
    row = make_conversation("a", "first")
    row["messages"][1]["weight"] = 0
    row["messages"] += make_conversation("b", "second")["messages"]
    dataset = make_dataset(jsonl([*ROWS, row]))

    page = text(client.get(address(dataset, 61, "?model=qwen3-0.6b")))

    assert graded(page) == ["second&lt;|im_end|&gt;"]


def test_a_row_that_the_template_refuses_is_said_with_the_reason(client):
    row = make_conversation("a", "b")
    row["messages"].append({"role": "assistant", "content": "c"})
    dataset = make_dataset(jsonl([*ROWS, row]))

    page = text(client.get(address(dataset, 61, "?model=gemma-2-2b")))

    assert "The notebook would leave this row out" in page
    assert "insists on a question and an answer in turn" in page


def test_a_row_has_its_issues_language_and_copies(client):
    german = make_conversation(
        "Wo ist mein Paket? Ich warte schon seit Tagen.",
        "Es kommt morgen bei Ihnen an.",
    )
    odd = make_conversation("What is it?", "TODO")
    dataset = make_dataset(jsonl([*ROWS, german, german, odd]))

    first = text(client.get(address(dataset, 61)))
    second = text(client.get(address(dataset, 62)))
    third = text(client.get(address(dataset, 63)))

    assert "<dd><small>German</small></dd>" in first
    assert f'Again in <a href="{address(dataset, 62)}">' in first
    assert f'A copy of <a href="{address(dataset, 61)}">' in second
    assert "placeholder" in third.lower()


def test_rows_lead_to_each_other(client):
    dataset = make_dataset(jsonl(ROWS))

    first, last = (text(client.get(address(dataset, n))) for n in (1, 60))

    assert 'rel="prev"' not in first
    assert f'rel="next" href="{address(dataset, 2)}"' in first
    assert f'rel="prev" href="{address(dataset, 59)}"' in last
    assert 'rel="next"' not in last


@pytest.mark.parametrize("number", [0, 61, 10**30])
def test_a_row_that_is_not_there_is_a_page(client, number):
    answer = client.get(address(make_dataset(jsonl(ROWS)), number))

    assert answer.status_code == 404
    assert "counted from 1" in text(answer)


def test_all_messages_of_a_long_row_are_there(client):
    row = {"messages": [
        message for n in range(100)
        for message in make_conversation(f"q{n}", f"a{n} " * 400)["messages"]
    ]}  # fmt: skip
    dataset = make_dataset(jsonl([*ROWS, row]))

    page = text(client.get(address(dataset, 61)))

    assert page.count('<li class="bubble') == 200
    assert "more characters are not shown" in page  # of what the model sees


def test_hostile_text_is_shown_and_never_runs(client):
    row = make_conversation(HOSTILE, HOSTILE, tools=[{"function": {"name": HOSTILE}}])
    row["messages"].insert(0, {"role": "system", "content": "{{ 7 * 7 }}{% raw %}"})
    dataset = make_dataset(jsonl([*ROWS, row]))

    for model in catalog().models:
        page = text(client.get(address(dataset, 61, f"?model={model.slug}")))

        assert "<script>alert" not in page
        assert "<img" not in page
        assert "49" not in re.findall(r'<pre class="sight".*?</pre>', page, re.S)[0]


def test_the_chosen_model_is_remembered_from_page_to_page(client):
    dataset = make_dataset(jsonl(ROWS))

    client.get(f"/app/datasets/{dataset.id}/?model=granite-4.1-3b")

    page = text(client.get(address(dataset, 1)))
    assert '<option value="granite-4.1-3b" selected>' in page


def test_an_unknown_model_is_a_sentence(client):
    answer = client.get(address(make_dataset(jsonl(ROWS)), 1, "?model=%3Cb%3E"))

    assert answer.status_code == 400
    assert "<b>" not in text(answer)


TOOL_ROW = {
    "messages": [
        {"role": "user", "content": "When does the train go?"},
        {"role": "assistant", "content": None, "tool_calls": [
            {"id": "1", "type": "function",
             "function": {"name": "find", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": "1", "content": "at 8"},
        {"role": "assistant", "content": "At eight."},
        {"role": "user", "content": "And back?"},
        {"role": "assistant", "content": "At nine."},
    ],
    "tools": [{"type": "function", "function": {"name": "find"}}],
}  # fmt: skip


def test_calls_are_graded_and_what_the_picture_leaves_out_is_said(client):
    dataset = make_dataset(jsonl([*ROWS, TOOL_ROW]))

    page = text(client.get(address(dataset, 61, "?model=qwen3-0.6b")))

    call, *answers = graded(page)
    assert "find" in call
    assert answers == ["At eight.&lt;|im_end|&gt;", "At nine.&lt;|im_end|&gt;"]
    assert "calls stand here as JSON, and definitions are left out" in page


@pytest.mark.parametrize("model", [model.slug for model in catalog().models])
def test_no_row_with_tools_is_said_to_be_left_out_where_nobody_can_know(client, model):
    dataset = make_dataset(jsonl([*ROWS, TOOL_ROW]))

    page = text(client.get(address(dataset, 61, f"?model={model}")))

    assert "would leave this row out" not in page
    assert graded(page) or "only the model's own template can write" in page
