"""Loss curves: smoothing, thinning, and a selection of rows for a table."""

from collections.abc import Sequence
from dataclasses import dataclass

SPAN_SHARE = 1 / 20  # of the points: the span of the smoothing
MIN_SPAN = 5
MAX_DRAWN = 400


@dataclass(frozen=True)
class LossPoint:
    step: int
    value: float


def smoothed(points: Sequence[LossPoint]) -> list[LossPoint]:
    """An exponential moving average with bias correction for the first points."""
    keep = 1 - 2 / (max(MIN_SPAN, len(points) * SPAN_SHARE) + 1)
    mean, weight, found = 0.0, 0.0, []
    for point in points:
        mean = keep * mean + (1 - keep) * point.value
        weight = keep * weight + (1 - keep)
        found.append(LossPoint(point.step, mean / weight))
    return found


def thinned(points: Sequence[LossPoint], most: int = MAX_DRAWN) -> list[LossPoint]:
    """At most `most` points: the lowest and the highest of each stretch, and the last
    one."""
    if len(points) <= most:
        return list(points)
    stretches = most // 2 - 1
    kept = {points[-1].step: points[-1]}
    for at in range(stretches):
        stretch = points[
            at * len(points) // stretches : (at + 1) * len(points) // stretches
        ]
        for pick in (min, max):
            point = pick(stretch, key=lambda point: point.value)
            kept[point.step] = point
    return sorted(kept.values(), key=lambda point: point.step)


@dataclass(frozen=True)
class Curve:
    """The losses that one run reported."""

    train: tuple[LossPoint, ...]
    eval: tuple[LossPoint, ...]
    diverged: tuple[int, ...] = ()  # steps whose losses are in neither curve

    @property
    def smoothed(self) -> list[LossPoint]:
        return smoothed(self.train)

    @property
    def best(self) -> LossPoint | None:
        return min(self.eval, key=lambda point: point.value, default=None)


@dataclass(frozen=True)
class CurveRow:
    step: int
    loss: float | None
    smoothed: float | None
    eval_loss: float | None


def rows(curve: Curve, most: int) -> list[CurveRow]:
    """All evaluations, and as many steps in between as there is room for."""
    train = {point.step: point.value for point in curve.train}
    means = {point.step: point.value for point in curve.smoothed}
    evals = {point.step: point.value for point in curve.eval}
    steps = sorted(train)
    apart = max(1, -(-len(steps) // most))
    shown = {*steps[::apart], *steps[-1:], *list(evals)[-most:]}
    return [
        CurveRow(step, train.get(step), means.get(step), evals.get(step))
        for step in sorted(shown)
    ]
