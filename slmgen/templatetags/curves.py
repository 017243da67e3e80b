"""Line charts over steps as inline SVG; a logarithmic scale shows small losses too."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from django import template

register = template.Library()

WIDTH, HEIGHT = 640, 300
LEFT, RIGHT, TOP, BASE = 66, 628, 14, 250
TICKS = 5
MARGIN = 20
# Values are clipped to this range, so that with margins around them and ticks between
# them no float overflows and none becomes zero.
LARGEST, SMALLEST = 1e300, 1e-290
NARROW = 1e-9  # of the values: a smaller range is drawn as a single value


class Point(Protocol):
    @property
    def step(self) -> int: ...
    @property
    def value(self) -> float: ...


@dataclass(frozen=True)
class Line:
    """A line of points; `dots` draws the points, joined by a thin line."""

    name: str
    look: str  # CSS classes
    points: Sequence[Point]
    dots: bool = False


@dataclass(frozen=True)
class Bounded:
    """A point clipped to what can be drawn."""

    step: int
    value: float


@dataclass(frozen=True)
class Scale:
    """Maps values between two ends to positions in the drawing."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def place(self, value: float) -> float:
        low, high, value = (self._turned(v) for v in (self.low, self.high, value))
        share = (value - low) / (high - low) if high > low else 0.5
        return round(self.start + share * (self.end - self.start), 1)

    def _turned(self, value: float) -> float:
        return math.log10(value) if self.log else value


@dataclass(frozen=True)
class Tick:
    place: float
    label: str

    @property
    def anchor(self) -> str:
        """Right-aligns the last label, which would be cut off past the edge."""
        return "end" if self.place > RIGHT - MARGIN else "middle"


@dataclass(frozen=True)
class Drawn:
    name: str
    look: str
    path: str
    dots: list[tuple[float, float]]


@register.inclusion_tag("charts/_curves.html")
def curves(
    lines: Sequence[Line],
    name: str,
    title: str,
    log: bool = False,
    end: int | None = None,
) -> dict[str, Any]:
    """Lines on shared axes, with a legend below; `end` is the last step that the axis
    shows at least."""
    lines = [_drawable(line, log) for line in lines]
    points = [point for line in lines for point in line.points]
    if not points:
        return {"drawn": []}
    across = _across(points, end or 1)
    up = _up([point.value for point in points], log)
    return {
        "drawn": [_drawn(line, across, up) for line in lines if line.points],
        "x_ticks": [Tick(across.place(v), f"{v:,}") for v in _round_steps(across)],
        "y_ticks": [Tick(up.place(v), f"{v:g}") for v in _round_values(up)],
        "name": name,
        "title": title,
        "width": WIDTH,
        "height": HEIGHT,
        "left": LEFT,
        "right": RIGHT,
        "base": BASE,
        "label_x": LEFT - 8,
        "label_y": BASE + 20,
        "unit_y": HEIGHT - 6,
    }


def _drawable(line: Line, log: bool) -> Line:
    points = [Bounded(point.step, _bounded(point.value)) for point in line.points]
    if log:
        points = [point for point in points if point.value > 0]
    return Line(line.name, line.look, points, line.dots)


def _bounded(value: float) -> float:
    if abs(value) < SMALLEST:
        return 0.0
    return max(-LARGEST, min(value, LARGEST))


def _across(points: Iterable[Point], end: int) -> Scale:
    return Scale(0, max(end, *(point.step for point in points)), LEFT, RIGHT)


def _up(values: Sequence[float], log: bool) -> Scale:
    low, high = min(values), max(values)
    if log:
        return Scale(low / 1.1, high * 1.1, BASE, TOP, log=True)
    size = max(abs(low), abs(high))
    room = (high - low) * 0.05 if high - low > size * NARROW else size * 0.1 or 1
    return Scale(low - room if low < 0 else max(0, low - room), high + room, BASE, TOP)


def _drawn(line: Line, across: Scale, up: Scale) -> Drawn:
    places = [(across.place(p.step), up.place(p.value)) for p in line.points]
    path = "M" + "L".join(f"{x} {y}" for x, y in places)
    return Drawn(line.name, line.look, path, places if line.dots else [])


def _round_steps(scale: Scale) -> list[int]:
    values = _round_linear(scale.low, scale.high)
    return [round(v) for v in values if math.isclose(v, round(v), abs_tol=1e-9)]


def _round_values(scale: Scale) -> list[float]:
    """1, 2 and 5 of each power of ten, or fewer where there are too many."""
    if not scale.log:
        return _round_linear(scale.low, scale.high)
    powers = range(
        math.floor(math.log10(scale.low)), math.ceil(math.log10(scale.high)) + 1
    )
    for parts in ((1, 2, 5), (1, 3), (1,)):
        found = [part * 10.0**power for power in powers for part in parts]
        found = [value for value in found if scale.low <= value <= scale.high]
        if len(found) <= TICKS + 2:
            break
    # Even the powers alone may be too many
    found = found[:: 1 + len(found) // (2 * TICKS)]
    return found if len(found) > 1 else _round_linear(scale.low, scale.high)


def _round_linear(low: float, high: float) -> list[float]:
    rough = (high - low) / TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    apart = next(part * power for part in (1, 2, 5, 10, 20) if part * power >= rough)
    first = math.ceil(low / apart)
    count = math.floor(high / apart) - first + 1
    return [(first + n) * apart for n in range(count)]
