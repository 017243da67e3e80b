"""Charts as inline SVG: no script, no image, colors from the style sheet."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from django import template

register = template.Library()

WIDTH, HEIGHT, BASE = 640, 190, 150
MARGIN = 8
GAP_SHARE = 0.16  # of a column


class Bar(Protocol):
    """One bar as drawn; `share` is a percentage."""

    @property
    def label(self) -> str: ...
    @property
    def words(self) -> str: ...
    @property
    def share(self) -> float: ...
    @property
    def value(self) -> float: ...


@dataclass(frozen=True)
class Column:
    label: str
    words: str
    x: float
    y: float
    width: float
    height: float
    middle: float
    words_y: float


@register.inclusion_tag("charts/_histogram.html")
def histogram(
    bars: Sequence[Bar], name: str, title: str, unit: str, mark: int = 0
) -> dict[str, Any]:
    """Columns from left to right; `mark` draws a line at a value on their axis."""
    step = (WIDTH - 2 * MARGIN) / max(len(bars), 1)
    return {
        "columns": [_column(bar, at, step) for at, bar in enumerate(bars)],
        "bars": bars,
        "name": name,
        "title": title,
        "unit": unit,
        "mark": mark,
        "mark_x": round(_place(bars, mark, step), 1),
        "mark_anchor": "end" if _place(bars, mark, step) > WIDTH / 2 else "start",
        "width": WIDTH,
        "height": HEIGHT,
        "base": BASE,
        "label_y": BASE + 18,
    }


def _column(bar: Bar, at: int, step: float) -> Column:
    height = (BASE - 24) * bar.share / 100
    x, width = MARGIN + step * (at + GAP_SHARE / 2), step * (1 - GAP_SHARE)
    y = BASE - height
    return Column(
        bar.label.partition("–")[0],
        bar.words,
        *(round(number, 1) for number in (x, y, width, height, x + width / 2, y - 5)),
    )


def _place(bars: Sequence[Bar], mark: int, step: float) -> float:
    """The position of a value: columns start at their value and end at the next
    one's."""
    if not bars or not mark:
        return 0
    for at, bar in enumerate(bars):
        end = 2 * bar.value if bar.value else 1
        if mark < end:
            inside = (mark - bar.value) / (end - bar.value)
            return MARGIN + step * (at + min(max(inside, 0), 1))
    return WIDTH - MARGIN


@register.inclusion_tag("charts/_bars.html")
def bars(bars: Sequence[Bar], kind: str = "", link: str = "") -> dict[str, Any]:
    """Bars with labels; with a `link`, those that have rows link to them."""
    return {"bars": bars, "kind": kind, "link": link}
