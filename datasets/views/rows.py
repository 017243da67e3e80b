import uuid

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from datasets.forms import language_name
from datasets.pages.data_page import profile_now
from datasets.pages.rows import row_in_full
from datasets.services import find_dataset
from notebooks.pages.model_view import sight_of
from recommender.services import catalog
from recommender.session_model import chosen_model

MOST_BYTES = 500_000  # of a row that is shown as a model reads it, which takes long


@require_safe
def row(request: HttpRequest, dataset_id: uuid.UUID, number: int) -> HttpResponse:
    """One row in full, and what a model sees of it."""
    dataset = find_dataset(dataset_id, user=request.user)
    profile_now(dataset)
    found = row_in_full(dataset, number)
    model = chosen_model(request.session, dataset, request.GET.get("model", ""))
    sight = sight_of(found.value, model) if found.size <= MOST_BYTES else None
    context = {
        "dataset": dataset,
        "step": "data",
        "found": found,
        "row": found.row,
        "language": language_name(found.language),
        "model": model,
        "models": catalog().models,
        "sight": sight,
        "cut": sight.tokens_over(model.context_length) if sight else 0,
        "most_bytes": MOST_BYTES,
    }
    return render(request, "notebooks/row.html", context)
