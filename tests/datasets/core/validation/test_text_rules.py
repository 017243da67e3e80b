"""Signs, which are cheap to look for, hide nothing that a pattern finds."""

from itertools import permutations

from hypothesis import given, settings
from hypothesis import strategies as st

from datasets.core.conversation import Message
from datasets.core.validation.content import review
from datasets.core.validation.decoding import read
from datasets.core.validation.text_rules import (
    ESCAPE,
    FENCE,
    RULES,
    signs_of,
    text_faults,
)
from tests.datasets.core.validation.generated_rows import (
    ROWS,
    TEXTS,
    TURNS,
    spellings,
)


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
    signs = {sign.encode(): rule for rule in RULES for sign in rule.signs}
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
