"""What is wrong with the words of a conversation, and what only looks so."""

import json
import random
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.plants import PLANTS
from datasets.core.conversation import Message
from datasets.core.faults.catalog import KINDS
from datasets.core.validation.content import review
from datasets.core.validation.decoding import read
from datasets.core.validation.text_rules import (
    ESCAPE,
    FENCE,
    RULES,
    looks_cut_off,
    signs_of,
    text_faults,
)
from tests.datasets.core.validation.generated_rows import (
    ROWS,
    TEXTS,
    TURNS,
    spellings,
)
from tests.datasets.reading import problems_of
from tests.factories import jsonl, make_conversation

EXAMPLES = [(kind.name, text) for kind in KINDS.values() for text in kind.examples]


@pytest.mark.parametrize(("kind", "answer"), EXAMPLES)
def test_every_example_of_a_kind_is_found_with_its_message(kind, answer):
    rows = [make_conversation("q", "a"), make_conversation("q", answer)]

    (problem,) = problems_of(jsonl(rows))

    assert (problem["kind"], problem["line"], problem["message"]) == (kind, 2, 1)


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


@settings(max_examples=400, deadline=None)
@given(ROWS | TURNS)
def test_known_signs_change_no_verdict(row):
    for text in spellings(row):
        conversation, _ = read(text)
        if conversation is not None:
            signs = signs_of([text]).get(0, set())
            told = review(conversation, text, signs)
            assert list(map(vars, told)) == list(map(vars, review(conversation, text)))


def test_no_sign_hides_another():
    signs = {sign.encode(): rule for rule in RULES for sign in rule.triggers}
    signs |= {FENCE.encode(): None, ESCAPE.encode(): None}

    for first, second in permutations(signs, 2):
        if signs[first] is signs[second] is not None:
            continue
        assert first not in second
        for size in range(1, min(len(first), len(second))):
            assert not second.startswith(first[-size:])


@settings(max_examples=400, deadline=None)
@given(st.lists(TEXTS, min_size=1, max_size=3))
def test_signs_hide_no_match(texts):
    messages = [Message("assistant", text) for text in texts]
    matches = [
        (found, place)
        for rule in RULES
        for place, text in enumerate(texts)
        if (found := rule.found_in(text))
    ]

    assert len(text_faults(messages)) == len(matches)
