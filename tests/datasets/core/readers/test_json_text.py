import json

import pytest

from datasets.core.faults.fault import Fault
from datasets.core.readers.json_text import MAX_SIGNS, decode

USER = {"role": "user", "content": "Hi"}
ASSISTANT = {"role": "assistant", "content": "Hello"}


def line(*messages, **extra):
    return json.dumps({"messages": list(messages), **extra}).encode()


def fault_of(text):
    with pytest.raises(Fault) as raised:
        decode(text)
    return raised.value


BAD_JSON = {
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
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_JSON)
def test_a_bad_line_is_refused_with_its_reason(name):
    text, kind, part = BAD_JSON[name]

    fault = fault_of(text)

    assert fault.kind == kind
    assert part in fault.sentence


def test_commas_and_brackets_inside_of_texts_are_words():
    assert decode(line(USER, {**ASSISTANT, "content": '[{,\\"' * MAX_SIGNS}))


def test_as_many_values_as_may_be_are_read():
    signs = line(USER, ASSISTANT, x=[1]).translate(None, b'"').count
    others = signs(b",") + signs(b"[") + signs(b"{")

    assert decode(line(USER, ASSISTANT, x=[1] * (MAX_SIGNS - others + 1)))
    assert fault_of(line(USER, ASSISTANT, x=[1] * (MAX_SIGNS - others + 2)))


def test_escaped_text_about_nul_is_no_nul():
    assert decode(line({**USER, "content": "\\u0000 is NUL"}, ASSISTANT))


def test_what_is_not_utf_8_is_left_to_the_reader_of_the_file():
    with pytest.raises(UnicodeDecodeError):
        decode(b'{"messages": "\xff"}')
