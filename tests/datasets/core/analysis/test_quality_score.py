import io
import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.plants import PLANTS
from datasets.core.analysis.analyze import Counting, Upload, analyze
from datasets.core.analysis.quality_score import QualityEvidence, judge
from datasets.core.faults.catalog import KINDS
from datasets.core.ingestion.ingest import Limits, Targets, ingest
from datasets.core.ingestion.problem_log import Group
from slmgen.errors import InvalidInput
from tests.factories import jsonl, make_conversation
from tests.sources import own, real

LIMITS = Limits(max_bytes=10**8, max_row_bytes=10**6, min_examples=1)


def judged(rows):
    """The profile of rows as the product makes it, from the upload on."""
    targets = Targets(io.BytesIO(), io.BytesIO(), io.BytesIO())
    found = ingest(io.BytesIO(jsonl(rows)), targets, LIMITS)
    targets.examples.seek(0)
    upload = Upload(
        found.bad_lines, tuple(map(str, found.problems)), found.faulty_examples,
        found.groups,
    )  # fmt: skip
    profile, _ = analyze(targets.examples, upload, Counting(), lambda done: None)
    return profile


CLEAN = [make_conversation(f"What is {n} + {n}?", f"{2 * n}") for n in range(100)]


@pytest.mark.parametrize(
    "source", [own("office_tasks.chat.jsonl"), real("user_oriented_252.chat.jsonl")]
)
def test_a_clean_set_keeps_its_points(source):
    lines = source.path.read_bytes().splitlines()

    profile = judged([json.loads(line) for line in lines])

    assert (profile.quality_score, profile.quality_issues) == (1.0, [])


def test_a_half_duplicated_half_empty_set_has_few_points_left():
    half = [{"messages": [{"role": "user", "content": " "},
                          {"role": "assistant", "content": f"{n}"}]}
            for n in range(50)]  # fmt: skip

    profile = judged([*CLEAN[:50], *CLEAN[:50], *half, *half])

    assert profile.quality_score <= 0.4


EVIDENCE = {
    "few_examples": {"examples": 10},
    "duplicates": {"duplicates": 30, "first_duplicates": (3, 4)},
    "left_out": {"bad_lines": 5, "problems": ("Line 3: x.",)},
    **{
        name: {"faulty": 9, "groups": (Group(name, 9, 9, 0, 9, [2], [2]),)}
        for name, kind in KINDS.items()
        if kind.weight
    },
}


@pytest.mark.parametrize("name", EVIDENCE)
def test_every_fault_costs_points_says_so_and_names_its_rows(name):
    verdict = judge(QualityEvidence(**{"examples": 1000, **EVIDENCE[name]}))

    (part,) = verdict.parts
    assert verdict.score < 1.0
    assert part.name == name
    assert part.points > 0
    assert part.sentences
    assert part.rows or name in {"few_examples", "left_out"}


def test_a_row_that_is_left_out_costs_points_once():
    """A conversation without an answer also ends without one."""
    lonely = {"messages": [{"role": "user", "content": "q"}]}

    names = [part["name"] for part in judged([*CLEAN, lonely]).quality_parts]

    assert names == ["left_out"]


@pytest.mark.parametrize(
    ("faulty", "duplicates", "expected"),
    [(0, 95, "Only 5 of 100 examples are"), (60, 60, "Perhaps only 0 of 100 examples")],
)
def test_what_is_not_known_is_not_said_as_if_it_were(faulty, duplicates, expected):
    verdict = judge(QualityEvidence(examples=100, faulty=faulty, duplicates=duplicates))

    assert any(sentence.startswith(expected) for sentence in verdict.sentences)


def test_the_rows_named_are_those_that_are_counted():
    turns = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]
    unanswered = {"messages": [*turns, turns[0]]}
    lonely = {"messages": turns[:1]}

    profile = judged([lonely, unanswered, *CLEAN, unanswered])

    share = f"{2 / profile.total_examples:.1%}"
    assert (
        f"Conversations that do not end with an answer: 2 of {profile.total_examples} "
        f"({share}), on lines 2, {profile.total_examples + 1}."
    ) in profile.quality_issues


def test_few_examples_are_counted_in_words():
    assert judge(QualityEvidence(examples=12)).sentences == [
        "Only 12 examples: fewer than 50 teach a model style at best; add more."
    ]


def test_points_lost_are_the_parts():
    verdict = judge(QualityEvidence(examples=200, duplicates=50, bad_lines=1))

    lost = sum(part.points for part in verdict.parts)
    assert 0 <= 1 - lost - verdict.score < 0.01


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from(sorted(PLANTS)), max_size=12),
    st.sampled_from(sorted(PLANTS)),
    st.booleans(),
    st.integers(30, 80),
    st.randoms(use_true_random=False),
)
def test_a_further_fault_never_raises_the_score(kinds, kind, appended, size, source):
    rows = CLEAN[:size]
    for place, earlier in enumerate(kinds):
        rows[place] = PLANTS[earlier](rows[place], source) or rows[place]
    spoiled = PLANTS[kind](make_conversation("What is this?", "That."), source)
    worse = [*rows, spoiled] if appended else [*rows[:-1], spoiled]
    try:
        before = judged(rows).quality_score
        after = judged(worse).quality_score
    except InvalidInput:
        return  # too many lines would be left out: there is no score

    assert after <= before


@settings(max_examples=20, deadline=None)
@given(st.permutations(range(60)))
def test_the_order_of_rows_does_not_matter(order):
    source = random.Random(1)
    rows = [*CLEAN[:50], *CLEAN[:5]]
    rows += [PLANTS[k](CLEAN[60], source) for k in ("mojibake", "weight", "refusal")]
    rows += [PLANTS["placeholder"](CLEAN[61], source)] * 2

    shuffled = judged([rows[place] for place in order])

    assert shuffled.quality_score == judged(rows).quality_score
