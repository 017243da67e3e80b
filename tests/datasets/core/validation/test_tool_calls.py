"""Calls of tools and their results: which fit together, and which do not."""

import pytest

from datasets.core.conversation import Message
from datasets.core.validation.tool_calls import call_faults
from tests.datasets.reading import problems_of
from tests.factories import jsonl

CALL = {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}


def found_in(*messages):
    return [(fault.kind, fault.message, fault.field) for fault in call_faults(messages)]


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


@pytest.mark.parametrize(
    ("function", "kind", "field"),
    [
        ({"arguments": "{}"}, "tool_call", "tool_calls[0]"),
        ({"name": 5}, "tool_call", "tool_calls[0]"),
        ({"name": "f", "arguments": "{1}"}, "arguments",
         "tool_calls[0].function.arguments"),
        ({"name": "f", "arguments": "[]"}, "arguments",
         "tool_calls[0].function.arguments"),
    ],
)  # fmt: skip
def test_a_call_that_cannot_be_made_is_named(function, kind, field):
    call = {"id": "a", "function": function}

    assert found_in(Message("assistant", None, tool_calls=[call])) == [(kind, 0, field)]


def test_arguments_may_be_an_object_instead_of_text():
    call = {"id": "a", "function": {"name": "f", "arguments": {"x": 1}}}

    assert found_in(Message("assistant", None, tool_calls=[call])) == []


def test_a_result_needs_a_call_before_it():
    result = Message("tool", "1", tool_call_id="a")
    call = Message("assistant", None, tool_calls=[CALL])

    assert found_in(result, call) == [("tool_result_without_call", 0, "role")]


@pytest.mark.parametrize("key", ["b", None])
def test_a_result_names_the_call_it_answers(key):
    call = Message("assistant", None, tool_calls=[CALL])

    (fault,) = call_faults([call, Message("tool", "1", tool_call_id=key)])

    assert fault.kind == "tool_call_id"
    assert fault.expected == "the id of a call that waits for its result ('a')"


def test_a_call_is_answered_once():
    call = Message("assistant", None, tool_calls=[CALL])
    result = Message("tool", "1", tool_call_id="a")

    (fault,) = call_faults([call, result, result])

    assert (fault.kind, fault.message) == ("tool_call_id", 2)
    assert fault.expected.endswith("(none, all are answered)")
