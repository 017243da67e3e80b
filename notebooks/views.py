import uuid
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views import View
from django.views.decorators.http import require_POST, require_safe

from datasets.models import Dataset
from datasets.pages.session import may_delete
from datasets.services import find_dataset
from notebooks import services
from notebooks.core.building.build import COLAB_GPUS, colab_gpu
from notebooks.core.building.lint import CHECKS
from notebooks.core.preview.cells import preview
from notebooks.forms import TrainingForm
from notebooks.models import Notebook
from notebooks.pages.training_page import overview
from recommender.core.catalog.catalog import ModelSpec
from recommender.core.catalog.gpus import DEFAULT_GPU, parse_gpu
from recommender.services import best_model, catalog
from recommender.session_model import query_with_gpu, remember_gpu, remember_model
from slmgen.errors import Conflict, InvalidInput


class TrainingView(View):
    """How the model will be trained: computed, changed where wanted, and then made."""

    def get(self, request: HttpRequest, dataset_id: uuid.UUID) -> HttpResponse:
        dataset = find_dataset(dataset_id, user=request.user)
        return _training_page(request, dataset, TrainingForm(query_with_gpu(request)))

    def post(self, request: HttpRequest, dataset_id: uuid.UUID) -> HttpResponse:
        dataset = find_dataset(dataset_id, user=request.user)
        form = TrainingForm(request.POST)
        if not form.is_valid():
            return _training_page(request, dataset, form)
        if "show" in request.POST:
            address = reverse("page-training", args=[dataset.id])
            return redirect(f"{address}?{form.query()}#plan")
        try:
            notebook = self.made(request, dataset, form)
        except InvalidInput:
            return _training_page(request, dataset, form)
        self.record(request, notebook)
        return redirect("page-notebook", notebook.id)

    def made(
        self, request: HttpRequest, dataset: Dataset, form: TrainingForm
    ) -> Notebook:
        return services.generate_notebook(
            dataset,
            model=_model(dataset, form),
            training_config=form.config(),
            gpu=form.chosen_gpu(),
            server=request.build_absolute_uri("/").rstrip("/"),
            user=request.user,
        )

    def record(self, request: HttpRequest, notebook: Notebook) -> None:
        """For those who keep a history of notebooks."""


def _model(dataset: Dataset, form: TrainingForm) -> ModelSpec:
    form.is_valid()
    name = form.cleaned_data.get("model")
    return catalog().get(name) if name else best_model(dataset, form.chosen_gpu())


def _training_page(
    request: HttpRequest, dataset: Dataset, form: TrainingForm
) -> HttpResponse:
    shown = overview(dataset, _model(dataset, form), form.config(), form.chosen_gpu())
    if form.cleaned_data.get("model"):
        remember_model(request.session, shown.model)
    if form.cleaned_data.get("gpu"):
        remember_gpu(request.session, shown.gpu)
    if shown.fault:
        form.add_error(shown.fault_field, shown.fault)
    settings = form.settings(shown.plan.settings)
    context = {"step": "training", "form": form, "shown": shown, "settings": settings}
    context |= {"dataset": dataset, "model": shown.model}
    status = HTTPStatus.BAD_REQUEST if form.errors else HTTPStatus.OK
    return render(request, "notebooks/training.html", context, status=status)


class CompareView(View):
    """A notebook that compares the models that were sent."""

    def post(self, request: HttpRequest, dataset_id: uuid.UUID) -> HttpResponse:
        notebook = services.generate_bake_off(
            find_dataset(dataset_id, user=request.user),
            models=[catalog().get(name) for name in request.POST.getlist("model")],
            training_config=None,
            gpu=parse_gpu(request.POST.get("gpu", DEFAULT_GPU.name)),
            server=request.build_absolute_uri("/").rstrip("/"),
            user=request.user,
        )
        self.record(request, notebook)
        return redirect("page-notebook", notebook.id)

    def record(self, request: HttpRequest, notebook: Notebook) -> None:
        """For those who keep a history of notebooks."""


@require_POST
def undo(request: HttpRequest, dataset_id: uuid.UUID) -> HttpResponse:
    """Deletes a version and goes back to the one that it was made from."""
    dataset = find_dataset(dataset_id, user=request.user)
    if dataset.parent_id is None or not may_delete(
        request.session, request.user, dataset
    ):
        raise Conflict(
            "Only a version that was made here from another one can be undone; these "
            "data stay."
        )
    services.discard_version(dataset)
    return redirect("page-data", dataset.parent_id)


@require_safe
def latest(request: HttpRequest, dataset_id: uuid.UUID) -> HttpResponse:
    """The newest notebook of a dataset, or the page that makes one."""
    dataset = find_dataset(dataset_id, user=request.user)
    notebook = services.latest_notebook(dataset)
    if notebook is None:
        return redirect("page-training", dataset.id)
    return redirect("page-notebook", notebook.id)


@require_safe
def download(request: HttpRequest, notebook_id: uuid.UUID) -> HttpResponse:
    """The file, for a browser: the API's address knows people by their tokens alone."""
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
