"""Repairs change what they are asked to change, and say what they did."""

import copy
import io
import json
import random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from benchmarks.plants import PLANTS
from datasets.core.fixes.apply import FixPlan, apply_fixes, kinds_of
from datasets.core.fixes.operations import (
    FIXES,
    REPAIR_KINDS,
    Repair,
    decoded_again,
    repair_of,
    repaired,
)
from datasets.core.ingestion.ingest import Limits
from datasets.core.layouts.columns import CHAT
from slmgen.errors import InvalidInput
from tests.factories import jsonl, make_conversation, make_lines

LIMITS = Limits(max_bytes=10**8, max_row_bytes=10**6, min_examples=1)


def mended(rows, *repairs, near_copies=frozenset()):
    target = io.BytesIO()
    work = FixPlan(tuple(repairs), near_copies)
    report = apply_fixes(io.BytesIO(jsonl(rows)), target, LIMITS, CHAT, work)
    return report, [json.loads(line) for line in target.getvalue().splitlines()]


@pytest.mark.parametrize("kind", sorted(set(FIXES) - {"mojibake"}))
@settings(max_examples=30, deadline=None)
@given(st.randoms(use_true_random=False))
def test_a_fixable_fault_is_gone_after_its_fix(kind, source):
    spoiled = PLANTS[kind](make_conversation("What is it?", "It is this."), source)

    fixed = repaired(spoiled, Repair("fix_faults", (kind,)))

    assert kind in kinds_of(json.dumps(spoiled).encode())
    assert kind not in kinds_of(json.dumps(fixed).encode())


@given(st.text("aé’ßü ñ–", min_size=1))
def test_text_decoded_wrongly_is_decoded_rightly(text):
    wrong = f"naïve {text}".encode().decode("cp1252", errors="ignore")
    lost = f"naïve {text}".encode() != wrong.encode("cp1252")

    assert decoded_again(wrong) == (wrong if lost else f"naïve {text}")


@pytest.mark.parametrize("text", ["naïve", "\ufffd", "Ã© 日本", "plain"])
def test_text_that_cannot_be_decoded_again_stays(text):
    assert decoded_again(text) == text


@pytest.mark.parametrize("kind", sorted(PLANTS))
def test_dropping_a_fault_drops_its_rows_and_no_other(kind):
    prose = "It is this one. It was that one before. " * 4
    source = random.Random(1)
    good = [make_conversation(f"What is {n}?", f"{prose}So {n} it is.") for n in "ab"]
    spoiled = PLANTS[kind](make_conversation("What is c?", prose + "So be it."), source)
    if spoiled is None:
        long = f"{prose}And then we can see that the thing goes on and"
        spoiled = make_conversation("What is c?", long)

    report, rows = mended([good[0], spoiled, good[1]], Repair("drop_faults", (kind,)))

    assert rows == good
    assert (report.changes[0].dropped, report.changes[0].changed) == (1, 0)
    assert report.changes[0].rows[0].line == 2


@pytest.mark.parametrize("kind", sorted(REPAIR_KINDS))
@settings(max_examples=20, deadline=None)
@given(st.sampled_from(sorted(PLANTS)), st.randoms(use_true_random=False))
def test_a_repair_is_done_once_and_leaves_its_input_alone(kind, fault, source):
    faults = tuple(FIXES) if kind == "fix_faults" else (fault,)
    spoiled = PLANTS[fault](make_conversation("What is it?", "This."), source)
    example = spoiled or make_conversation()
    before = copy.deepcopy(example)
    repair = Repair(kind, faults, {"bot": "assistant"})

    once = repaired(example, repair)

    assert example == before
    assert repaired(once, repair) == once


@pytest.mark.parametrize("kind", sorted(REPAIR_KINDS))
def test_a_clean_set_is_changed_by_no_repair(kind):
    faults = tuple(FIXES)
    rows = [json.loads(line) for line in make_lines(20).splitlines()]

    report, kept = mended(rows, Repair(kind, faults))

    assert kept == rows
    assert (report.changes[0].changed, report.changes[0].dropped) == (0, 0)


def test_exact_copies_are_dropped_the_first_is_kept():
    rows = [make_conversation("a", "b", id=n) for n in range(3)]

    report, kept = mended([*rows, make_conversation("c", "d")],
                          Repair("drop_exact_duplicates"))  # fmt: skip

    assert [row.get("id") for row in kept] == [0, None]
    assert (report.rows_before, report.rows_after) == (4, 2)


def test_near_copies_are_dropped_by_their_place_among_the_examples():
    rows = [make_conversation("a"), {"bad": 1}, make_conversation("b"),
            make_conversation("c")]  # fmt: skip

    _, kept = mended(rows, Repair("drop_near_duplicates"), near_copies={1})

    assert kept == [rows[0], rows[1], rows[3]]


SYSTEM = {"role": "system", "content": "Be kind."}


def test_a_system_prompt_is_folded_into_the_question():
    row = {"messages": [SYSTEM, *make_conversation("q", "a")["messages"]]}

    _, (folded,) = mended([row], Repair("fold_system"))
    _, (dropped,) = mended([row], Repair("drop_system"))

    assert folded == make_conversation("Be kind.\n\nq", "a")
    assert dropped == make_conversation("q", "a")


def test_unknown_roles_are_named_anew():
    row = {"messages": [{"role": "kunde", "content": "q"},
                        {"role": "bot", "content": "a"}]}  # fmt: skip

    _, (mapped,) = mended([row], Repair("map_roles", roles={"kunde": "user"}),
                          Repair("normalize"))  # fmt: skip

    assert mapped == make_conversation("q", "a")


def test_arguments_of_tool_calls_are_masked_and_stay_json():
    call = {
        "id": "call_1", "type": "function",
        "function": {"name": "pay", "arguments": json.dumps(
            {"to": "jo@example.org", "card": 4111111111111111, "n": 3, "ok": True})},
    }  # fmt: skip
    plain = {"id": "call_2", "function": {"name": "x", "arguments": '{"a":  1}'}}
    row = make_conversation("Pay", None)
    row["messages"][1]["tool_calls"] = [call, plain]

    _, (masked,) = mended([row], Repair("mask_private"))

    first, second = masked["messages"][1]["tool_calls"]
    assert json.loads(first["function"]["arguments"]) == {
        "to": "[EMAIL]", "card": "[CARD]", "n": 3, "ok": True
    }  # fmt: skip
    assert (first["id"], first["function"]["name"]) == ("call_1", "pay")
    assert second == plain


def test_private_data_are_masked_in_the_data_and_in_the_report():
    row = make_conversation("I am a.b@example.org", "Hello")

    report, (masked,) = mended([row], Repair("mask_private"))

    assert masked == make_conversation("I am [EMAIL]", "Hello")
    assert "a.b" not in json.dumps(report.changes[0].summary)


def test_repairs_are_made_in_their_order():
    rows = [make_conversation("a.b@c.org", "x"), make_conversation("d.e@f.org", "x")]
    mask, drop = Repair("mask_private"), Repair("drop_exact_duplicates")

    assert len(mended(rows, mask, drop)[1]) == 1
    assert len(mended(rows, drop, mask)[1]) == 2


def test_rows_that_no_repair_can_read_are_kept():
    source = io.BytesIO(make_lines(3) + b"oops\n")
    target = io.BytesIO()

    report = apply_fixes(source, target, LIMITS, CHAT, FixPlan((Repair("normalize"),)))

    assert target.getvalue() == source.getvalue()
    assert (report.rows_before, report.rows_after, report.unreadable) == (4, 4, 0)


def test_nothing_left_is_refused():
    with pytest.raises(InvalidInput, match="would leave no row"):
        mended([make_conversation("q", "TODO")],
               Repair("drop_faults", ("placeholder",)))  # fmt: skip


BAD = [
    ("nonsense", [], {}), ("drop_faults", [], {}), ("drop_faults", ["x"], {}),
    ("fix_faults", ["refusal"], {}), ("map_roles", [], {}),
    ("map_roles", [], {"bot": "robot"}),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "faults", "roles"), BAD)
def test_what_no_repair_can_do_is_refused(kind, faults, roles):
    with pytest.raises(
        InvalidInput, match=r"is .*; expected (one|any) of |map_roles needs roles"
    ):
        repair_of(kind, faults, roles)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.sampled_from(["user", "a", ""]),
    lambda parts: (
        st.lists(parts, max_size=3)
        | st.dictionaries(
            st.sampled_from(["role", "content", "tool_calls", "weight", "id", "text"]),
            parts,
            max_size=4,
        )
    ),
    max_leaves=8,
)


@pytest.mark.parametrize("kind", sorted(REPAIR_KINDS))
@settings(max_examples=60, deadline=None)
@given(st.lists(JSON, max_size=4))
@example([{"role": ["user"], "content": "a"}, {"role": {}, "content": "b"}])
def test_no_row_is_too_odd_for_a_repair(kind, messages):
    repair = Repair(kind, tuple(FIXES), {"user": "assistant"})

    mended([{"messages": messages}, {"messages": 5}, 5, make_conversation()], repair)
