import json

from datasets.core.fixes.apply import ChangedRow
from datasets.core.fixes.diff import difference
from tests.factories import make_conversation


def row(before, after):
    encoded = [None if value is None else json.dumps(value).encode()
               for value in (before, after)]  # fmt: skip
    return difference(ChangedRow(3, *encoded))


def shown(found):
    return [
        (line.sign, line.who, "".join(
            f"[{part.text}]" if part.is_marked else part.text for part in line.parts
        ))
        for line in found.lines
    ]  # fmt: skip


def test_only_the_words_that_differ_are_marked():
    found = row(make_conversation("Hi Jo", "Bye"), make_conversation("Hi [X]", "Bye"))

    assert shown(found) == [
        ("−", "user", "Hi [Jo]"),
        ("+", "user", "Hi [[X]]"),
        ("", "assistant", "Bye"),
    ]


def test_a_dropped_row_is_shown_as_removed():
    found = row(make_conversation("a", "b"), None)

    assert found.is_dropped
    assert shown(found) == [("−", "user", "a"), ("−", "assistant", "b")]


def test_a_difference_far_into_a_long_text_is_shown_with_what_is_around():
    before, after = ("word " * 5000 + end + " word" * 5000 for end in ("old", "new"))

    found = row(make_conversation(before, "b"), make_conversation(after, "b"))

    removed, added, _ = shown(found)
    assert "[old]" in removed[2]
    assert "[new]" in added[2]
    assert len(removed[2]) < 600


def test_messages_that_go_are_removed_and_the_rest_stays():
    before = make_conversation("a", "b")
    after = {"messages": before["messages"][1:]}

    assert shown(row(before, after)) == [("−", "user", "a"), ("", "assistant", "b")]


def test_calls_and_weights_are_compared_too():
    before = make_conversation("a", "b")
    before["messages"][1]["weight"] = 5
    after = make_conversation("a", "b")

    removed = shown(row(before, after))[1]

    assert removed == ("−", "assistant", 'b[\n{"weight":5}]')


def test_a_row_of_another_form_is_compared_as_text():
    found = difference(ChangedRow(1, b"[1, 2]", b"[1, 3]"))

    assert shown(found) == [("−", "", "[1, [2]]"), ("+", "", "[1, [3]]")]
