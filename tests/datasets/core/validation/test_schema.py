"""The form of a conversation: every fault for which a row could not be trained on."""

import json

import pytest

from datasets.core.validation.schema import MAX_MESSAGES, MAX_WHITE_SPACE, examine

USER = {"role": "user", "content": "Hi"}
ASSISTANT = {"role": "assistant", "content": "Hello"}


def line(*messages, **extra):
    return json.dumps({"messages": list(messages), **extra}).encode()


BAD_ROWS = {
    "not an object": (b"[1]", "object", "found a list"),
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
    "too many messages": (
        line(*[USER, ASSISTANT] * (MAX_MESSAGES // 2), USER), "messages", "2,001"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_ROWS)
def test_a_bad_row_is_refused_with_its_reason(name):
    text, kind, part = BAD_ROWS[name]

    _, (fault, *_) = examine(json.loads(text))

    assert fault.kind == kind
    assert part in fault.sentence


def test_a_good_row_has_no_fault():
    conversation, faults = examine(json.loads(line(USER, ASSISTANT, tools=[{}])))

    assert faults == []
    assert [message.role for message in conversation.messages] == ["user", "assistant"]
    assert conversation.tools == [{}]


def test_a_long_value_is_quoted_in_part():
    _, (fault,) = examine(json.loads(line({**USER, "role": "x" * 500})))

    assert len(fault.sentence) < 220


def test_every_fault_of_a_row_is_named_not_only_the_first():
    text = line(
        {"role": "User", "content": 5}, "x", {"role": "bot", "content": "y"}, USER
    )

    conversation, faults = examine(json.loads(text))

    assert conversation is None
    assert [(fault.kind, fault.message, fault.field) for fault in faults] == [
        ("role_case", 0, "role"), ("content", 0, "content"), ("message", 1, ""),
        ("role", 2, "role"),
    ]  # fmt: skip
