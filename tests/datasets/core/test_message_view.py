import pytest

from datasets.core.message_view import (
    FOLDED_CHARACTERS,
    SHOWN_CHARACTERS,
    Call,
    message_view,
    text_of,
)


def test_endless_text_is_cut_and_counted():
    text = "x" * (SHOWN_CHARACTERS + FOLDED_CHARACTERS + 7)

    shown = message_view({"role": "user", "content": text}, 9)

    assert len(shown.text) == SHOWN_CHARACTERS
    assert len(shown.folded) == FOLDED_CHARACTERS
    assert shown.left_out == 7


def test_text_is_cut_between_words():
    shown = message_view({"role": "user", "content": "word " * 1000}, 9)

    assert shown.text.endswith("word ")
    assert shown.folded.startswith("word ")


def test_parts_are_read_as_one_text():
    parts = [{"type": "text", "text": "one "}, {"type": "text", "text": "two"}]

    assert text_of({"content": parts}) == "one two"
    assert text_of({"content": None}) == ""


def test_calls_of_every_form_are_shown():
    written = {"role": "assistant", "tool_calls": [
        {"function": {"name": "find", "arguments": '{"a":1}'}},
        {"function": {"name": "find", "arguments": "no json"}},
        "senseless",
    ], "function_call": {"name": "old", "arguments": {"b": 2}}}  # fmt: skip

    assert message_view(written, 0).calls == (
        Call("find", '{\n  "a": 1\n}'),
        Call("find", "no json"),
        Call("?", "senseless"),
        Call("old", '{\n  "b": 2\n}'),
    )


@pytest.mark.parametrize("depth", [400, 900, 100_000])
def test_arguments_of_any_depth_are_shown(depth):
    deep = "[" * depth + "]" * depth

    shown = message_view({"role": "assistant", "function_call": {"arguments": deep}}, 0)

    assert shown.calls[0].arguments.startswith("[")


def test_an_answer_of_weight_0_is_marked():
    assert message_view(
        {"role": "assistant", "content": "x", "weight": 0}, 1
    ).is_untrained
    assert not message_view(
        {"role": "user", "content": "x", "weight": 0}, 1
    ).is_untrained
