import uuid

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from datasets.forms import language_name
from datasets.pages.data_page import profile_now
from datasets.pages.rows import row_in_full
from datasets.services import find_dataset


@require_safe
def row(request: HttpRequest, dataset_id: uuid.UUID, number: int) -> HttpResponse:
    """The page of one row."""
    dataset = find_dataset(dataset_id, user=request.user)
    profile_now(dataset)
    found = row_in_full(dataset, number)
    context = {
        "dataset": dataset,
        "step": "data",
        "found": found,
        "row": found.row,
        "language": language_name(found.language),
    }
    return render(request, "datasets/row.html", context)
