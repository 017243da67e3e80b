from datetime import timedelta

import pytest
from django.utils import timezone
from hypothesis import example, given
from hypothesis import strategies as st

from jobs.core import wording
from jobs.core.curves import Curve, CurveRow, LossPoint, rows, smoothed, thinned
from jobs.core.progress import Mark, range_left
from slmgen.templatetags.curves import Line, curves

START = timezone.now()
VALUES = st.lists(st.floats(1e-6, 1e6), min_size=1, max_size=900)


def points(values):
    return [LossPoint(step, value) for step, value in enumerate(values)]


def marks(*seconds):
    return [Mark(n, START + timedelta(seconds=s)) for n, s in enumerate(seconds)]


def test_the_first_smoothed_point_is_the_first_point():
    assert smoothed(points([4.0, 2.0]))[0] == LossPoint(0, pytest.approx(4.0))


def test_smoothing_leaves_a_level_line_as_it_is():
    found = [point.value for point in smoothed(points([2.5] * 40))]

    assert found == pytest.approx([2.5] * 40)


@given(VALUES)
def test_smoothed_values_stay_between_the_lowest_and_the_highest(values):
    for point in smoothed(points(values)):
        assert min(values) * 0.999 <= point.value <= max(values) * 1.001


@given(VALUES)
def test_thinning_keeps_the_extremes_and_the_order(values):
    found = thinned(points(values), most=100)

    assert len(found) <= 100
    assert {min(values), max(values)} <= {point.value for point in found}
    assert found == sorted(found, key=lambda point: point.step)
    assert found[-1].step == len(values) - 1


def test_a_table_has_every_evaluation_and_some_steps():
    train = tuple(LossPoint(step, 1.0) for step in range(1, 1001))
    curve = Curve(train, (LossPoint(0, 3.0), LossPoint(500, 2.0)))

    found = rows(curve, 10)

    assert found[0] == CurveRow(0, None, None, 3.0)
    assert 500 in {row.step for row in found}
    assert len(found) <= 13
    assert found[-1].step == 1000


def test_an_even_run_has_a_narrow_range_left():
    assert range_left(marks(0, 10, 20, 30, 40), steps=8) == (40, 40)


def test_an_uneven_run_has_the_range_of_its_quarters():
    assert range_left(marks(0, 5, 10, 30, 40), steps=14) == (50, 200)


def test_nothing_is_said_before_there_is_enough_to_say_it():
    assert range_left(marks(0, 10, 20, 30), steps=100) is None


def test_marks_that_come_late_do_not_count():
    late = [*marks(0, 10, 20, 30, 40), Mark(1, START + timedelta(seconds=99))]

    assert range_left(late, steps=8) == (40, 40)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (None, ""),
        ((3, 12), "less than half a minute"),
        ((31, 64), "30 to 70 seconds"),
        ((250, 290), "4 to 5 minutes"),
        ((240, 240), "about 4 minutes"),
        ((5000, 15000), "1 to 5 hours"),
    ],
)
def test_time_left_is_said_as_a_range(seconds, said):
    assert wording.time_left(seconds) == said


@given(VALUES, st.booleans())
@example([909091.0, 1.0000000000000002e-06], True)
def test_any_curve_is_drawn_inside_the_picture(values, log):
    drawn = curves([Line("a", "raw", points(values), dots=True)], "n", "t", log)

    for line in drawn["drawn"]:
        for x, y in line.dots:
            assert 0 <= x <= drawn["width"]
            assert 0 <= y <= drawn["height"]
    assert len(drawn["y_ticks"]) <= 12


FLOATS = st.floats(allow_nan=False, allow_infinity=False)
LARGEST, LEAST = 1.7976931348623157e308, 5e-324


@given(st.lists(FLOATS, min_size=1, max_size=30), st.booleans(), st.integers(0, 10**7))
@example([LARGEST, -LARGEST], False, 0)
@example([LARGEST, LARGEST], True, 0)
@example([LEAST], True, 0)
@example([LEAST, 2 * LEAST], False, 0)
@example([1.0, 1.0 + 2**-52], False, 10**7)
@example([LEAST, LARGEST], True, 1)
@example([0.0, -0.0], False, 0)
@example([999.9999999999999, 1000.0000000000001], True, 0)
def test_any_finite_values_are_drawn_with_a_scale(values, log, end):
    drawn = curves([Line("a", "raw", points(values), dots=True)], "n", "t", log, end)

    for line in drawn["drawn"]:
        for x, y in line.dots:
            assert 0 <= x <= drawn["width"]
            assert 0 <= y <= drawn["height"]
    if drawn["drawn"]:
        assert 1 <= len(drawn["y_ticks"]) <= 12
        assert 1 <= len(drawn["x_ticks"]) <= 12


@given(st.lists(FLOATS, max_size=900))
def test_any_finite_values_are_smoothed_and_thinned(values):
    assert len(smoothed(points(values))) == len(values)
    assert len(thinned(points(values))) <= 400


def test_small_values_have_different_labels():
    drawn = curves([Line("a", "raw", points([1e-12, 5e-12]))], "n", "t")

    labels = [tick.label for tick in drawn["y_ticks"]]
    assert len(set(labels)) == len(labels) >= 3


def test_a_logarithmic_scale_leaves_out_what_it_has_no_place_for():
    line = Line("a", "raw", [LossPoint(0, 0.0), LossPoint(1, 1.0)], dots=True)

    (drawn,) = curves([line], "n", "t", log=True)["drawn"]

    assert len(drawn.dots) == 1


def test_the_axis_goes_to_the_end_of_the_run():
    drawn = curves([Line("a", "raw", points([1.0, 2.0]))], "n", "t", False, 300)

    assert drawn["x_ticks"][-1].label == "300"
