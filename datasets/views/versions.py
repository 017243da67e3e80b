import uuid

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import (
    require_POST,
    require_safe,
)

from datasets import services
from datasets.pages import version_history
from datasets.pages.session import may_delete
from datasets.storage.retention import delete_dataset
from slmgen.errors import Conflict


@require_safe
def versions(request: HttpRequest, dataset_id: uuid.UUID) -> HttpResponse:
    dataset = services.find_dataset(dataset_id, user=request.user)
    found = version_history.versions_of(dataset, user=request.user)
    context = {"dataset": dataset, "step": "data", "versions": found}
    return render(request, "datasets/versions.html", context)


@require_POST
def undo(request: HttpRequest, dataset_id: uuid.UUID) -> HttpResponse:
    """Deletes a version and returns to the one that it was made from."""
    dataset = services.find_dataset(dataset_id, user=request.user)
    if dataset.parent_id is None or not may_delete(
        request.session, request.user, dataset
    ):
        raise Conflict(
            "Only a version that was made here from another one can be undone; these "
            "data stay."
        )
    delete_dataset(dataset)
    return redirect("page-data", dataset.parent_id)
