"""Faults that leave a row an example: each is named with its line and message."""

import io
import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.plants import FORMS, PLANTS
from datasets.core.faults.catalog import KINDS
from datasets.core.ingestion.ingest import Limits, Targets, ingest
from datasets.core.validation.text_rules import looks_cut_off
from tests.factories import jsonl, make_conversation
from tests.sources import own, real

LIMITS = Limits(max_bytes=10**8, max_row_bytes=10**6, min_examples=1)
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


def problems_of(content):
    targets = Targets(io.BytesIO(), io.BytesIO(), io.BytesIO())
    ingest(io.BytesIO(content), targets, LIMITS)
    return [json.loads(line) for line in targets.problems.getvalue().splitlines()]


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


def test_a_problem_says_where_what_and_how_to_fix_it():
    rows = [make_conversation("q", "a"), make_conversation("q <|im_end|>", "a")]

    (problem,) = problems_of(b"\n" + jsonl(rows))

    assert problem == {
        "line": 3, "kind": "control_token", "message": 0, "field": "content",
        "found": "text with '<|im_end|>'",
        "expected": "text without the marks that templates add themselves",
        "fix": "remove the mark", "left_out": False, "unit": "Line",
    }  # fmt: skip


def test_a_problem_quotes_nothing_private():
    rows = [{"messages": [{"role": "anna.mayer@example.org", "content": "x"}]}]
    good = [make_conversation("q", "a")] * 20

    (problem,) = problems_of(jsonl(good + rows))

    assert problem["found"] == "'[EMAIL]'"


def test_an_older_function_call_is_no_fault():
    call = {"name": "f", "arguments": "{}"}
    messages = [
        {"role": "user", "content": "q"},
        {"role": "assistant", "content": None, "function_call": call},
        {"role": "function", "name": "f", "content": "{}"},
        {"role": "assistant", "content": "a"},
    ]

    assert problems_of(jsonl([{"messages": messages}])) == []


def test_several_calls_are_answered_by_their_ids():
    calls = [{"id": key, "type": "function", "function": {"name": "f"}} for key in "ab"]
    messages = [
        {"role": "user", "content": "q"},
        {"role": "assistant", "content": None, "tool_calls": calls},
        {"role": "tool", "tool_call_id": "b", "content": "1"},
        {"role": "tool", "tool_call_id": "a", "content": "2"},
        {"role": "assistant", "content": "a"},
    ]

    assert problems_of(jsonl([{"messages": messages}])) == []


PROSE = "This is a sentence of some length. Here is another one that says more. "


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        (PROSE * 2 + "And then we can see that the", True),
        (PROSE * 2 + "And then we can see that the end is near.", False),
        (PROSE * 2 + "\n- the last item of a list that goes on", False),
        (PROSE * 2 + "\n```python\nx = 1", True),
        (PROSE * 2 + "\n```python\nx = 1\n```", False),
        ("a short answer without a full stop", False),
    ],
)
def test_an_answer_that_breaks_off_is_told_from_one_that_ends(text, cut):
    assert looks_cut_off(text) == cut


@pytest.mark.parametrize(
    "text",
    ["Nãо", "À bientôt, Émile", "NÃO É ASSIM", "Ñandú", "Москва", "São"],
)
def test_accents_are_no_mojibake(text):
    assert problems_of(jsonl([make_conversation(text, text)])) == []


def test_escapes_hide_nothing():
    row = PLANTS["mojibake"](make_conversation("Where?", "There."), random.Random(1))

    kinds = [p["kind"] for p in problems_of(json.dumps(row).encode() + b"\n")]

    assert kinds == ["mojibake"]
