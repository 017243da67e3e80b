"""Shows a row as a model reads it, on the row's page."""

from typing import Any

from django import template

from datasets.models import Dataset
from datasets.pages.rows import RowInFull
from notebooks.pages.model_view import view_by
from recommender.services import catalog
from recommender.session_model import chosen_model

register = template.Library()

MOST_BYTES = 500_000  # of a row; rendering takes time in proportion


@register.inclusion_tag("notebooks/_model_view.html", takes_context=True)
def model_view(context: dict[str, Any], dataset: Dataset, found: RowInFull) -> Any:
    request = context["request"]
    model = chosen_model(request.session, dataset, request.GET.get("model", ""))
    view = view_by(found.value, model) if found.size <= MOST_BYTES else None
    return {
        "found": found,
        "model": model,
        "models": catalog().models,
        "view": view,
        "cut": view.tokens_over(model.context_length) if view else 0,
        "most_bytes": MOST_BYTES,
    }
