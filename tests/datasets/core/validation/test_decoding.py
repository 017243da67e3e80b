"""The fast ways to read a row find what the slow one finds."""

import msgspec
import pytest
from hypothesis import example, given, settings

from datasets.core.readers.json_text import decode
from datasets.core.validation import decoding
from datasets.core.validation.decoding import read
from datasets.core.validation.schema import examine
from tests.datasets.core.validation.generated_rows import ROWS, TURNS, spellings
from tests.factories import make_conversation


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
