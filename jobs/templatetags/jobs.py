from collections.abc import Sequence

from django import template

from jobs.core import wording
from jobs.core.curves import LossPoint

register = template.Library()


@register.filter
def loss(value: float | None) -> str:
    return wording.loss(value)


@register.filter
def last_value(points: Sequence[LossPoint]) -> str:
    return wording.loss(points[-1].value) if points else ""
