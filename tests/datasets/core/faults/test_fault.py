"""One fault: its sentence, what it quotes, its way between processes."""

import pickle

from datasets.core.faults import catalog
from datasets.core.faults.fault import Fault
from tests.datasets.reading import problems_of
from tests.factories import jsonl, make_conversation


def test_a_kind_says_what_is_expected_and_how_to_fix_it():
    fault = Fault(catalog.CONTENT, 2, "content", found="a number")

    assert fault.sentence == (
        "messages[2].content is a number; expected text; write the text itself."
    )


def test_a_single_fault_may_know_more_than_its_kind():
    fault = Fault(catalog.LENGTH, found="long", expected="short", fix="cut it")

    assert fault.sentence == "long; expected short; cut it."


def test_a_fault_survives_the_way_between_processes():
    fault = Fault(catalog.ROLE_CASE, 0, "role", found="'User'", fix="write 'user'")

    copy = pickle.loads(pickle.dumps(fault))

    assert (vars(copy), copy.args) == (vars(fault), fault.args)
    assert copy.sentence == fault.sentence


def test_a_problem_says_where_what_and_how_to_fix_it():
    rows = [make_conversation("q", "a"), make_conversation("q <|im_end|>", "a")]

    (problem,) = problems_of(b"\n" + jsonl(rows))

    assert problem == {
        "line": 3, "kind": "control_token", "message": 0, "field": "content",
        "found": "text with '<|im_end|>'",
        "expected": "text without the marks that templates add themselves",
        "fix": "remove the mark", "left_out": False, "unit": "Line",
    }  # fmt: skip


def test_a_problem_quotes_nothing_private():
    rows = [{"messages": [{"role": "anna.mayer@example.org", "content": "x"}]}]
    good = [make_conversation("q", "a")] * 20

    (problem,) = problems_of(jsonl(good + rows))

    assert problem["found"] == "'[EMAIL]'"
