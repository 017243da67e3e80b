import uuid
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views import View
from django.views.decorators.http import require_POST

from datasets.models import Dataset
from datasets.services import find_dataset
from jobs import services
from notebooks.forms import TrainingForm
from notebooks.pages.training_page import overview
from recommender.core.catalog.catalog import ModelSpec
from recommender.core.catalog.gpus import DEFAULT_GPU, parse_gpu
from recommender.services import best_model, catalog
from recommender.session_model import query_with_gpu, remember_gpu, remember_model
from slmgen.errors import InvalidInput
from slmgen.http.view_limits import counted_as


@counted_as("notebooks")
class TrainingPageView(View):
    """Shows how the model will be trained, takes changes, and generates the
    notebook."""

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
            notebook = services.generate_notebook(
                dataset,
                models=[_model(dataset, form)],
                training_config=form.config(),
                gpu=form.chosen_gpu(),
                server=request.build_absolute_uri("/").rstrip("/"),
                user=request.user,
            )
        except InvalidInput:
            return _training_page(request, dataset, form)
        return redirect("page-notebook", notebook.id)


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
        form.add_error(shown.fault.field or None, shown.fault.problems)
    settings = form.settings(shown.plan.settings)
    context = {"step": "training", "form": form, "shown": shown, "settings": settings}
    context |= {"dataset": dataset, "model": shown.model}
    status = HTTPStatus.BAD_REQUEST if form.errors else HTTPStatus.OK
    return render(request, "notebooks/training.html", context, status=status)


@counted_as("notebooks")
@require_POST
def compare_models(request: HttpRequest, dataset_id: uuid.UUID) -> HttpResponse:
    """Generates a notebook that compares the posted models."""
    notebook = services.generate_notebook(
        find_dataset(dataset_id, user=request.user),
        models=[catalog().get(name) for name in request.POST.getlist("model")],
        gpu=parse_gpu(request.POST.get("gpu", DEFAULT_GPU.name)),
        server=request.build_absolute_uri("/").rstrip("/"),
        user=request.user,
    )
    return redirect("page-notebook", notebook.id)
