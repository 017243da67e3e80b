from dataclasses import replace

from datasets.core.presentation import profile as report
from datasets.services import profile_of
from tests.factories import make_dataset


def profile(db, **values):
    return replace(profile_of(make_dataset()), **values)


def test_the_histogram_has_no_hole(db):
    bars = report.token_bars(profile(db, token_histogram={"8": 2, "32": 4}))

    assert [(bar.label, bar.words) for bar in bars] == [
        ("8–15", "2"), ("16–31", "0"), ("32–63", "4")
    ]  # fmt: skip
    assert [bar.share for bar in bars] == [50, 0, 100]


def test_long_conversations_are_counted_together(db):
    bars = report.turn_bars(profile(db, turns={"1": 2, "9": 1, "12": 1}))

    assert [(bar.label, bar.words) for bar in bars] == [
        ("1 question", "2 rows (50.0%)"), ("more than 8", "2 rows (50.0%)")
    ]  # fmt: skip


def test_the_greatest_loss_stands_first(db):
    parts = [
        {"name": "left_out", "points": 0.05, "count": 1},
        {"name": "duplicates", "points": 0.2, "count": 9},
    ]

    lost = report.lost_points(profile(db, quality_parts=parts))

    assert [(bar.label, bar.words, bar.issue) for bar in lost] == [
        ("Exact copies", "−20.0 points", "?issue=duplicates#rows"),
        ("Lines left out", "−5.0 points", "problems/"),
    ]
