"""The rows on the data page: found, filtered, linked and shown as they are."""

import re

import pytest

from datasets.models import Dataset
from tests.datasets.data_page import page, rows_on, text_of
from tests.factories import jsonl, make_conversation, make_dataset, make_lines

pytestmark = pytest.mark.django_db

HOSTILE = '<script>alert(1)</script><img src=x onerror="alert(2)">'


def test_hostile_text_is_shown_and_never_runs(client):
    rows = [make_conversation(HOSTILE, HOSTILE, name=HOSTILE)]
    dataset = make_dataset(jsonl(rows), name="<b>.jsonl")

    shown = text_of(page(client, dataset)) + text_of(page(client, dataset, "problems/"))

    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in shown
    assert "<script>alert" not in shown
    assert "<img" not in shown
    assert "<b>.jsonl" not in shown


def test_a_link_leads_to_its_row(client):
    dataset = make_dataset()

    assert rows_on(page(client, dataset, "?row=42")) == list(range(42, 52))


def test_pages_of_rows_lead_to_each_other(client):
    shown = text_of(page(client, make_dataset(), "?row=21"))

    assert 'href="?row=11#rows"' in shown
    assert 'href="?row=31#rows"' in shown


def test_text_is_found_in_any_case_and_the_search_is_kept_in_links(client):
    found = page(client, make_dataset(), "?q=WHAT+IS")

    assert rows_on(found) == list(range(1, 11))
    assert 'href="?q=WHAT+IS&amp;row=11#rows"' in text_of(found)


def test_rows_are_filtered_by_issue_role_and_length(client):
    rows = [make_conversation(str(n), "4" * (n + 1)) for n in range(4)]
    rows[1]["messages"].insert(0, {"role": "system", "content": "Be brief."})
    rows[2]["messages"] += [
        {"role": "user", "content": "more"}, {"role": "assistant", "content": ""},
    ]  # fmt: skip
    dataset = make_dataset(jsonl([*rows, rows[0]]))

    assert rows_on(page(client, dataset, "?issue=empty_answer")) == [3]
    assert rows_on(page(client, dataset, "?issue=duplicates")) == [5]
    assert rows_on(page(client, dataset, "?role=system")) == [2]
    assert rows_on(page(client, dataset, "?min_tokens=3&max_tokens=4")) == [3, 4]


@pytest.mark.parametrize("query", ["?row=0", "?row=x", "?issue=no", "?min_tokens=-1"])
def test_a_senseless_filter_is_no_error(client, query):
    assert len(rows_on(page(client, make_dataset(), query))) == 10


def test_a_row_past_the_end_says_that_there_is_none(client):
    assert "No row fits." in text_of(page(client, make_dataset(), "?row=900"))


def test_a_search_that_takes_long_says_how_far_it_came(client, monkeypatch):
    monkeypatch.setattr("datasets.pages.rows.SECONDS_TO_SEARCH", -1)

    found = page(client, make_dataset(), "?q=nothing")

    assert "Search on from row 1" in text_of(found)


def test_right_to_left_text_has_its_own_direction(client):
    dataset = make_dataset(jsonl([make_conversation("أين طلبي؟", "في الطريق.")]))

    assert '<div class="said" dir="auto">أين طلبي؟</div>' in text_of(
        page(client, dataset)
    )


def test_tool_calls_are_shown_with_their_arguments(client):
    client.post("/app/", {"sample": "tools"})

    shown = text_of(page(client, Dataset.objects.get()))

    assert "calls <b>find_train</b>" in shown
    assert "Functions that may be called" in shown
    assert "Tool result" in shown


def test_the_row_that_is_cut_is_one_click_away(client):
    long = make_conversation("Count.", " ".join(map(str, range(3000))))
    dataset = make_dataset(make_lines() + jsonl([long]))
    shown = text_of(page(client, dataset, "?model=tinyllama-1.1b"))

    (query,) = re.findall(r'href="[^"]*(\?min_tokens=\d+)#rows"', shown)

    assert rows_on(page(client, dataset, query)) == [61]


def test_rows_are_filtered_by_the_languages_that_a_closer_look_found(client):
    german = make_conversation(
        "Wo ist mein Paket? Ich warte schon seit drei Tagen.", "Es kommt morgen an."
    )
    dataset = make_dataset(make_lines() + jsonl([german]))
    before = text_of(page(client, dataset))
    assert 'name="language"' not in before
    assert re.search(">German</th>\\s*<td>2%<", before)
    assert "Estimated from 61 rows spread over the file." in before
    assert ">Tell the language of every row</a>" in before

    look = text_of(page(client, dataset, "closer/"))

    assert "?language=de#rows" in look
    assert ">German</a>" in look
    found = page(client, dataset, "?language=de")
    assert rows_on(found) == [61]
    assert "1 row (1.6%)" in text_of(found)
    assert '<option value="de" selected>German (1)</option>' in text_of(found)


def test_a_language_that_is_none_is_no_filter(client):
    assert len(rows_on(page(client, make_dataset(), "?language=x"))) == 10


def test_long_rows_do_not_make_the_page_heavy(client):
    rows = [
        {"messages": [
            message for turn in range(15)
            for message in make_conversation(f"{n} {turn} " * 300, "a " * 3000)[
                "messages"]
        ]}
        for n in range(12)
    ]  # fmt: skip

    shown = page(client, make_dataset(jsonl(rows)))

    assert len(shown.content) < 100_000
    assert "see the <a" in text_of(shown)
    assert rows_on(shown) == list(range(1, 11))
