"""What is called faultless at a glance is faultless for the closer look as well."""

import json
from contextlib import suppress
from itertools import permutations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from benchmarks.plants import FORMS, PLANTS
from datasets.core.conversation import Message
from datasets.core.validation.content import review
from datasets.core.validation.decoding import read
from datasets.core.validation.prefilter import doubtful
from datasets.core.validation.text_rules import (
    ESCAPE,
    FENCE,
    RULES,
    signs_of,
    text_faults,
)
from tests.factories import make_conversation
from tests.sources import own, real

CLEAN_ROWS = [own("office_tasks.chat.jsonl"), real("user_oriented_252.chat.jsonl")]
PIECES = [
    "<|im_end|>", "</s>", "<s> [INST]", "[/INST]", "<</SYS>>", "<end_of_turn>", "<b>",
    "</think>", "<tool_call>", "<｜end｜>", "{{ name }}", "{{", "As an AI", "As a AI",
    "as an artificial intelligence", "I'm just a language model", "Sorry, I cannot",
    "I can’t", "We must decline", "作为一个AI", "抱歉，我无法", "对不起", "Ã©", "Â ",
    "â€™", "\ufffd", "ÐŸÑ€", "café", "tbd", " N/A ", "[your answer]", "<insert it>",
    "lorem ipsum dolor sit", "```", "", " ", "\n", "\u3000", "\0", "...", "?", "yes",
    "One sentence. Another one! And then five more words, which", "汉字", "😀",
    "a" * 61,
]  # fmt: skip
TEXTS = st.lists(st.sampled_from(PIECES) | st.text(max_size=4), max_size=4).map("".join)
CALL = {"id": "a", "type": "function",
        "function": {"name": "f", "arguments": '{"x": "<|end|>"}'}}  # fmt: skip
ROLES = st.sampled_from(["user", "assistant"]) | st.sampled_from(
    ["system", "developer", "tool", "function", "User"]
)


def nested(levels):
    return [nested(levels - 1)] if levels else []


MESSAGES = st.fixed_dictionaries(
    {"role": ROLES, "content": TEXTS},
    optional={
        "weight": st.sampled_from([0, 1, 2]),
        "tool_calls": st.sampled_from([[{}], [CALL], [{**CALL, "id": 5}], [], CALL]),
        "tool_call_id": st.sampled_from(["a", 5, None]),
        "name": st.just("f"),
    },
)
ROWS = st.fixed_dictionaries(
    {"messages": st.lists(MESSAGES, max_size=5)},
    optional={"id": st.integers(), "tools": st.just([{"a": {"b": [{}]}}]),
              "note": st.just("a\0b"), "big": st.just(2**70), 'odd"key': st.just([]),
              "deep": st.sampled_from([40, 70]).map(nested)},
)  # fmt: skip
TURNS = st.lists(TEXTS, min_size=1, max_size=3).map(
    lambda texts: {
        "messages": [
            {"role": role, "content": text}
            for text in texts
            for role, text in (("user", "q"), ("assistant", text))
        ]
    }
)


def faults_of(text):
    conversation, faults = read(text)
    return faults if conversation is None else faults + review(conversation, text)


def spellings(row):
    yield json.dumps(row).encode()
    yield json.dumps(row).replace("/", "\\/").encode()
    with suppress(UnicodeEncodeError):  # half a character
        yield json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode()


@settings(max_examples=400, deadline=None)
@given(st.lists(ROWS | TURNS, min_size=1, max_size=4))
@example([make_conversation("q", "[/INST] I can’t")])  # an escape beside a mark
@example([make_conversation("{{ a }} é", "b")])
@example([make_conversation("q", "a"), {**make_conversation("q", "a"), "id": 2**70}])
def test_no_fault_of_generated_rows_is_passed_over(rows):
    texts = [text for row in rows for text in spellings(row)]
    doubted = doubtful(texts)

    for place, text in enumerate(texts):
        if place not in doubted:
            assert faults_of(text) == []


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


@pytest.mark.parametrize("kind", sorted(PLANTS | FORMS))
@settings(max_examples=20, deadline=None)
@given(st.integers(0, 251), st.randoms(use_true_random=False))
def test_no_planted_fault_is_passed_over(rows, kind, place, source):
    spoiled = (PLANTS | FORMS)[kind](rows[place], source)

    for text in spellings(spoiled) if spoiled is not None else ():
        assert 0 in doubtful([text])
        assert faults_of(text) != []


@pytest.fixture(scope="session", params=CLEAN_ROWS)
def rows(request):
    return [json.loads(line) for line in request.param.path.read_bytes().splitlines()]


def test_rows_without_fault_need_no_closer_look(rows):
    texts = [text for row in rows for text in spellings(row)]

    assert len(doubtful(texts)) < 0.1 * len(texts)


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
