import uuid
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from datasets.models import Dataset
from datasets.pages.data_page import profile_now
from datasets.services import find_dataset
from recommender import services
from recommender.core.needs.needs import Wishes
from recommender.core.needs.suggestion import Suggestion
from recommender.core.presentation import model_facts
from recommender.core.presentation.cards import Questions, cards
from recommender.forms import NeedForm
from recommender.services import catalog
from recommender.session_model import (
    query_with_gpu,
    remember_gpu,
)
from slmgen.errors import InvalidInput, NotFound

COMPARED = 3  # models that one notebook can compare


@require_http_methods(["GET", "HEAD", "POST"])
def model(request: HttpRequest, dataset_id: uuid.UUID) -> HttpResponse:
    dataset = find_dataset(dataset_id, user=request.user)
    profile_now(dataset)
    suggestion = services.suggest_need(dataset)
    if request.method == "POST":
        return _recommended(request, dataset, NeedForm(request.POST), suggestion)
    return _model_page(request, dataset, suggestion)


def _recommended(
    request: HttpRequest, dataset: Dataset, form: NeedForm, suggestion: Suggestion
) -> HttpResponse:
    task, target = form.need(suggestion)
    gpu = form.chosen_gpu()
    services.recommend(dataset, task=task, target=target, wishes=Wishes(gpu=gpu))
    query = {"task": task.value, "target": target.value}
    if "gpu" in request.POST:
        query["gpu"] = gpu.name
    address = reverse("page-model", args=[dataset.id])
    return redirect(f"{address}?{urlencode(query)}#ranking")


def _model_page(
    request: HttpRequest, dataset: Dataset, suggestion: Suggestion
) -> HttpResponse:
    form = _need_form(request, dataset)
    task, target = form.need(suggestion)
    gpu = form.chosen_gpu()
    remember_gpu(request.session, gpu)
    wishes = Wishes(gpu=gpu, assumptions=form.assumptions())
    context = {
        "dataset": dataset,
        "step": "model",
        "questions": Questions(task, target, suggestion),
        "form": form,
        "gpu": gpu,
    }
    try:
        ranking = services.ranking_for(dataset, task=task, target=target, wishes=wishes)
    except InvalidInput as error:  # no model satisfies the constraints
        return render(
            request, "recommender/model.html", {**context, "error": error.detail}
        )
    shown = cards(ranking)
    more = {"cards": shown, "compared": shown[:COMPARED], "ranking": ranking}
    return render(request, "recommender/model.html", context | more)


def _need_form(request: HttpRequest, dataset: Dataset) -> NeedForm:
    """The need from the query string, completed by the last one of this browser."""
    query = query_with_gpu(request)
    for name, value in _asked(services.last_need(dataset)).items():
        query.setdefault(name, value)
    return NeedForm(query)


def _asked(last: services.LastNeed | None) -> dict[str, str]:
    return {} if last is None else {"task": last.task, "target": last.target}


@require_safe
def models_page(request: HttpRequest) -> HttpResponse:
    """All models; the selected ones are compared above the list."""
    models, error = catalog(), None
    try:
        chosen = model_facts.chosen_models(models, request.GET.getlist("compare"))
    except InvalidInput as found:
        chosen, error = (), found.detail
    rows = model_facts.comparison(chosen)
    most = model_facts.MOST_COMPARED
    context = {
        "models": models.models, "chosen": chosen, "rows": rows, "error": error,
        "most": most, "version": models.version,
    }  # fmt: skip
    return render(request, "recommender/models_page.html", context, status=_code(error))


def _code(error: str | None) -> int:
    return 200 if error is None else 400


@require_safe
def model_page(request: HttpRequest, model_id: str) -> HttpResponse:
    try:
        model = model_facts.find_model(catalog(), model_id)
    except NotFound as error:
        raise Http404(error.detail) from None
    context = {"model": model, "facts": model_facts.facts(model)}
    return render(request, "recommender/model_page.html", context)
