import uuid

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from datasets.services import find_dataset
from notebooks import services
from notebooks.core.building.build import COLAB_GPUS, colab_gpu
from notebooks.core.building.lint import CHECKS
from notebooks.core.preview.cells import preview
from recommender.services import catalog


@require_safe
def latest(request: HttpRequest, dataset_id: uuid.UUID) -> HttpResponse:
    """Redirects to the newest notebook of a dataset, or to the page that creates
    one."""
    dataset = find_dataset(dataset_id, user=request.user)
    notebook = services.latest_notebook(dataset)
    if notebook is None:
        return redirect("page-training", dataset.id)
    return redirect("page-notebook", notebook.id)


@require_safe
def download(request: HttpRequest, notebook_id: uuid.UUID) -> HttpResponse:
    """Downloads the file in a browser; the API accepts tokens only."""
    found = services.find_notebook_by_id(notebook_id, user=request.user)
    if (link := services.link_to(found)) is not None:
        return redirect(link)
    return HttpResponse(
        services.read_notebook(found),
        content_type="application/x-ipynb+json",
        headers={
            "Content-Disposition": f'attachment; filename="{found.filename}"',
            "Cache-Control": "no-store",
        },
    )


@require_safe
def notebook(request: HttpRequest, notebook_id: uuid.UUID) -> HttpResponse:
    found = services.find_notebook_by_id(notebook_id, user=request.user)
    content = services.read_notebook(found)
    context = {
        "dataset": found.dataset,
        "step": "notebook",
        "notebook": found,
        "model": catalog().find(found.model_id),
        "cells": preview(content),
        "checks": CHECKS,
        "names": services.names_of(found),
        "planned": services.planned(found),
        "colab_gpu": colab_gpu(found.gpu),
        "is_in_colab": not found.gpu or found.gpu in COLAB_GPUS,
    }
    return render(request, "notebooks/notebook.html", context)
