"""What is wrong with the words of a conversation, and what only looks so."""

import json
import random

import pytest

from benchmarks.plants import PLANTS
from datasets.core.faults.catalog import KINDS
from datasets.core.validation.text_rules import looks_cut_off
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
