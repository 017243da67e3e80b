"""Faults that leave a row an example: each is named with its line and message."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.plants import FORMS, PLANTS
from datasets.core.faults.catalog import KINDS
from tests.datasets.reading import problems_of
from tests.factories import jsonl, make_conversation
from tests.sources import own, real

CLEAN_SETS = [
    own("office_tasks.chat.jsonl"),
    own("word_problems.chat.jsonl"),
    own("intents.csv"),
    own("film_talk_zh.chat.jsonl"),
    own("small_talk_ko.csv"),
    own("quiz_ja.chat.jsonl"),
    own("reading_ar.chat.jsonl"),
    own("tool_calls.chat.jsonl"),
    own("tool_calls.sharegpt.json"),
    own("role_play.alpaca_response.json"),
    own("shell.prompt_completion.jsonl"),
    own("word_problems.parquet"),
    real("user_oriented_252.chat.jsonl"),
    real("gsm8k_1500.chat.jsonl"),
    real("banking77.chat.jsonl"),
    real("kdconv_film_zh.chat.jsonl"),
    real("korean_chatbot_5000.chat.jsonl"),
    real("jcommonsenseqa_ja.chat.jsonl"),
]


@pytest.mark.parametrize("source", CLEAN_SETS)
def test_a_clean_set_has_no_false_alarm(source):
    assert problems_of(source.path.read_bytes()) == []


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("", [("empty_answer", 1)]),
        (" \n", [("empty_answer", 1)]),
        (None, [("null_content", 1), ("empty_answer", None)]),
    ],
)
def test_an_answer_that_says_nothing_is_named_with_its_message(answer, expected):
    rows = [make_conversation("q", f"{number}") for number in range(60)]
    rows.append(make_conversation("q", answer))

    found = problems_of(jsonl(rows))

    assert [(problem["kind"], problem["message"]) for problem in found] == expected


@pytest.fixture(
    scope="session",
    params=[own("office_tasks.chat.jsonl"), real("user_oriented_252.chat.jsonl")],
)
def clean(request):
    return [json.loads(line) for line in request.param.path.read_bytes().splitlines()]


@pytest.mark.parametrize("kind", sorted(PLANTS | FORMS))
@settings(max_examples=15, deadline=None)
@given(
    st.lists(st.integers(0, 251), min_size=1, max_size=10, unique=True),
    st.randoms(use_true_random=False),
)
def test_a_planted_fault_is_named_on_its_lines_and_on_no_other(
    clean, kind, places, source
):
    rows = list(clean)
    planted = set()
    for place in places:
        if (spoiled := (PLANTS | FORMS)[kind](rows[place], source)) is not None:
            rows[place] = spoiled
            planted.add(place + 1)

    escaped = kind == "surrogate"  # only an escape can stand for half a character
    lines = [json.dumps(row, ensure_ascii=escaped) for row in rows]

    found = problems_of("\n".join(lines).encode())

    assert {problem["line"] for problem in found if problem["kind"] == kind} == planted


def test_every_kind_that_a_value_can_have_is_planted():
    of_text = {"length", "table", "json", "number", "white_space"}

    assert set(PLANTS | FORMS) == set(KINDS) - of_text
