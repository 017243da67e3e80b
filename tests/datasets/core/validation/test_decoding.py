"""Rows of JSON text, read the fast way or the thorough one."""

import json

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from datasets.core.faults.fault import Fault
from datasets.core.readers.json_text import decode
from datasets.core.validation import decoding
from datasets.core.validation.decoding import parse, read
from datasets.core.validation.schema import examine
from tests.datasets.core.readers.test_json_text import BAD_JSON
from tests.datasets.core.validation.generated_rows import ROWS, TURNS, spellings
from tests.datasets.core.validation.test_schema import ASSISTANT, BAD_ROWS, USER, line
from tests.factories import make_conversation

BAD = BAD_JSON | BAD_ROWS


@pytest.mark.parametrize("name", BAD)
def test_no_fault_is_missed_by_the_fast_ways(name):
    text, kind, part = BAD[name]

    with pytest.raises(Fault) as raised:
        parse(text)

    assert raised.value.kind == kind
    assert part in raised.value.sentence


def test_every_role_of_the_contract_is_read():
    roles = ["system", "developer", "user", "assistant", "tool", "function"]

    found = parse(line(*({"role": role, "content": "x"} for role in roles)))

    assert [message.role for message in found.messages] == roles


def test_an_answer_may_be_a_tool_call_without_content():
    call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}

    found = parse(
        line(USER, {"role": "assistant", "content": None, "tool_calls": [call]})
    )

    assert found.messages[1].content is None
    assert found.messages[1].calls == [call]


def test_text_parts_are_joined():
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]

    found = parse(line({**USER, "content": parts}, ASSISTANT))

    assert found.messages[0].text == "ab"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


def outcome_of(text):
    """What a caller may meet: a conversation, a sentence, or bytes that are no text."""
    try:
        return parse(text)
    except Fault as fault:
        return fault.sentence
    except UnicodeDecodeError as error:
        return error


@given(json_values)
def test_any_json_value_is_read_or_refused(value):
    assert outcome_of(json.dumps({"messages": value}).encode())


@given(st.binary())
def test_any_bytes_are_read_or_refused(text):
    outcome = outcome_of(text)

    assert isinstance(outcome, UnicodeDecodeError) <= (not _is_utf_8(text))


def _is_utf_8(text):
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


plain_text = st.text(
    st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1
)


@given(plain_text, plain_text)
def test_content_is_kept_byte_for_byte(question, answer):
    if not answer.strip():
        answer += "x"
    value = make_conversation(question, answer)

    assert decode(json.dumps(value).encode()) == value
    assert [m.text for m in parse(json.dumps(value).encode()).messages] == [
        question,
        answer,
    ]


def plain(found):
    conversation, faults = found
    return msgspec.to_builtins(conversation), list(map(vars, faults))


def slowly(text):
    try:
        return examine(decode(text))
    except decoding.Fault as fault:
        return None, [fault]


@settings(max_examples=400, deadline=None)
@given(ROWS | TURNS)
@example({**make_conversation("q", "a"), "tools": [], "parallel_tool_calls": True})
@example({**make_conversation("q", "a"), "id": 2**70})
@example(make_conversation("q\0", "a"))
@example(make_conversation("q", " "))
def test_generated_rows(row):
    for text in spellings(row):
        assert plain(read(text)) == plain(slowly(text))


@pytest.mark.parametrize("key", ["tool_calls", "function_call", "name", "weight"])
def test_a_message_of_a_text_may_say_that_there_is_nothing_else(key):
    row = make_conversation("q", "a")
    row["messages"][1][key] = None
    for text in spellings(row):
        assert decoding._of_texts(text) is not None
        assert plain(read(text)) == plain(slowly(text))
