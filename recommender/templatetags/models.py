"""What pages of other apps show about models."""

from typing import Any

from django import template

from datasets.models import Dataset
from recommender.core.catalog.catalog import ModelSpec
from recommender.services import catalog
from recommender.session_model import Limit, chosen_model, limit_of

register = template.Library()


@register.simple_tag
def all_models() -> tuple[ModelSpec, ...]:
    return catalog().models


@register.simple_tag(takes_context=True)
def model_limit(context: dict[str, Any], dataset: Dataset) -> Limit:
    """The context limit of the model that the query or this browser has chosen."""
    request = context["request"]
    model = chosen_model(request.session, dataset, request.GET.get("model", ""))
    return limit_of(dataset, model)
