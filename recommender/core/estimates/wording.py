"""The figures of a training as texts, the same on every page and in every notebook."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from recommender.core.estimates.training import Figures, Range

HOURS_FROM = 120  # minutes


@dataclass(frozen=True)
class Words:
    gpu: str
    memory: str
    fits: bool
    fit: str
    unsloth: str  # empty with another backend
    time: str
    cost: str  # empty where no price is known
    extent: str  # the epochs that time and cost are for


def words_of(figures: Figures) -> Words:
    return Words(
        gpu=figures.gpu_label,
        memory=gib_words(figures.memory_gib),
        fits=figures.fits,
        fit=_fit(figures),
        unsloth=gib_words(figures.unsloth_gib) if figures.unsloth_gib else "",
        time=minutes_words(figures.minutes),
        cost=dollars_words(figures.dollars) if figures.dollars else "",
        extent=_extent(figures),
    )


def figures_of(stored: Mapping[str, Any]) -> Figures:
    """Figures from stored JSON, which has lists in place of tuples."""
    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in stored.items()
    }
    return Figures(**values)


def gib_words(span: Range) -> str:
    return f"{_span(*(f'{gib:.1f}' for gib in span))} GiB"


def dollars_words(span: Range) -> str:
    low, high = (f"{dollars:,.2f}" for dollars in span)
    return f"about USD {low}" if low == high else f"USD {low} to {high}"


def minutes_words(span: tuple[int, int]) -> str:
    low, high = span
    if high < HOURS_FROM:
        return f"{_span(f'{low:,}', f'{high:,}')} {_plural('minute', high)}"
    hours = math.ceil(high / 60)
    if low < HOURS_FROM:
        return f"{low:,} {_plural('minute', low)} to {hours:,} hours"
    return f"{_span(f'{low // 60:,}', f'{hours:,}')} hours"


def _span(low: str, high: str) -> str:
    return f"about {low}" if low == high else f"{low} to {high}"


def _plural(noun: str, count: float) -> str:
    return noun if count == 1 else f"{noun}s"


def _fit(figures: Figures) -> str:
    if figures.fits:
        return f"Fits {figures.gpu_label}"
    return f"Does not fit {figures.gpu_label} ({figures.gpu_gib:g} GiB)"


def _extent(figures: Figures) -> str:
    steps = f"{figures.steps:,} {_plural('step', figures.steps)}"
    if figures.num_epochs is None:
        return steps
    epochs = figures.num_epochs
    return f"{epochs:g} {_plural('epoch', epochs)} ({steps})"
