import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasets.core.faults.fault import Fault
from datasets.core.readers.json_text import MAX_SIGNS, decode
from datasets.core.validation.decoding import parse, read
from datasets.core.validation.schema import MAX_WHITE_SPACE
from tests.factories import make_conversation

USER = {"role": "user", "content": "Hi"}
ASSISTANT = {"role": "assistant", "content": "Hello"}


def line(*messages, **extra):
    return json.dumps({"messages": list(messages), **extra}).encode()


def fault_of(text):
    with pytest.raises(Fault) as raised:
        parse(text)
    return raised.value


BAD = {
    "not an object": (b"[1]", "object", "found a list"),
    "a bare word": (b"hello", "json", "not valid JSON"),
    "a cut-off object": (b'{"messages": [', "json", "not valid JSON"),
    "two objects": (b'{"a": 1} {"b": 2}', "json", "one object a line"),
    "NaN": (b'{"messages": NaN}', "json", "NaN"),
    "Infinity": (b'{"messages": [], "x": Infinity}', "json", "Infinity"),
    "a NUL escape": (line({**USER, "content": "a\0b"}, ASSISTANT), "nul", "NUL"),
    "a NUL in a key": (line(USER, ASSISTANT, **{"\0": 1}), "nul", "NUL"),
    "an unpaired surrogate": (
        line({**USER, "content": "\ud800"}, ASSISTANT), "surrogate", "surrogate"
    ),
    "a surrogate before text": (
        line({**USER, "content": "\udfff and more text"}, ASSISTANT),
        "surrogate",
        "surrogate",
    ),
    "deep nesting": (b"[" * 100_000 + b"]" * 100_000, "depth", "64 levels"),
    "deep objects": (b'{"a":' * 70 + b"1" + b"}" * 70, "depth", "64 levels"),
    "too many values": (
        line(USER, ASSISTANT, x=[1] * MAX_SIGNS), "length", "150,000 commas"
    ),
    "too many empty lists": (
        line(USER, ASSISTANT, tools=[[[]]] * (MAX_SIGNS // 3)), "length", "brackets"
    ),
    "too many calls": (
        line(USER, {**ASSISTANT, "tool_calls": [{}] * (MAX_SIGNS // 2)}),
        "length",
        "150,000 commas",
    ),
    "a giant integer": (line(USER, ASSISTANT)[:-1] + b', "n": ' + b"9" * 5000 + b"}",
                        "number", "too large"),
    "an overflowing float": (b'{"messages": 1e999}', "number", "too large"),
    "no messages": (b'{"prompt": "x"}', "messages", "'prompt'"),
    "messages of another type": (b'{"messages": "x"}', "messages", "a string"),
    "no message": (b'{"messages": []}', "messages", "an empty list"),
    "a message that is text": (line("x"), "message", "messages[0] is a string"),
    "a role in capitals": (line({**USER, "role": "User"}), "role_case", "'User'"),
    "a missing role": (line({"content": "x"}), "role", "null"),
    "an unhashable role": (line({"role": ["user"]}), "role", "a list"),
    "content of another type": (line({**USER, "content": 5}), "content", "a number"),
    "null content": (line({**USER, "content": None}), "null_content", "null"),
    "an image part": (
        line({**USER, "content": [{"type": "image_url"}]}), "media", "'image_url'"
    ),
    "no user": (line(ASSISTANT), "no_user", "role 'user'"),
    "no assistant": (line(USER), "no_assistant", "role 'assistant'"),
    "an empty answer": (
        line(USER, {**ASSISTANT, "content": " "}), "empty_answer", "empty"
    ),
    "endless white space": (
        line(USER, {**ASSISTANT, "content": "x" + " " * MAX_WHITE_SPACE}),
        "white_space",
        "white-space",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_a_bad_line_is_refused_with_its_reason(name):
    text, kind, part = BAD[name]

    fault = fault_of(text)

    assert fault.kind == kind
    assert part in fault.sentence


def test_a_long_value_is_quoted_in_part():
    fault = fault_of(line({**USER, "role": "x" * 500}))

    assert len(fault.sentence) < 220


def test_commas_and_brackets_inside_of_texts_are_words():
    assert parse(line(USER, {**ASSISTANT, "content": '[{,\\"' * MAX_SIGNS}))


def test_as_many_values_as_may_be_are_read():
    signs = line(USER, ASSISTANT, x=[1]).translate(None, b'"').count
    others = signs(b",") + signs(b"[") + signs(b"{")

    assert parse(line(USER, ASSISTANT, x=[1] * (MAX_SIGNS - others + 1)))
    assert fault_of(line(USER, ASSISTANT, x=[1] * (MAX_SIGNS - others + 2)))


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


def test_escaped_text_about_nul_is_no_nul():
    assert parse(line({**USER, "content": "\\u0000 is NUL"}, ASSISTANT))


def test_what_is_not_utf_8_is_left_to_the_reader_of_the_file():
    with pytest.raises(UnicodeDecodeError):
        parse(b'{"messages": "\xff"}')


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


def test_every_fault_of_a_row_is_named_not_only_the_first():
    text = line(
        {"role": "User", "content": 5}, "x", {"role": "bot", "content": "y"}, USER
    )

    conversation, faults = read(text)

    assert conversation is None
    assert [(fault.kind, fault.message, fault.field) for fault in faults] == [
        ("role_case", 0, "role"), ("content", 0, "content"), ("message", 1, ""),
        ("role", 2, "role"),
    ]  # fmt: skip
