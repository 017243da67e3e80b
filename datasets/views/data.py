import uuid

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from datasets import services
from datasets.core.exports.export import FORMS
from datasets.core.presentation import fix_options
from datasets.core.presentation.profile import (
    insights_view,
    language_bars,
    sampled_language_bars,
)
from datasets.forms import ProblemsForm, RowsForm, language_name
from datasets.pages import data_page, version_history
from datasets.pages.session import may_delete
from datasets.storage.retention import expiry_of
from slmgen.http.streaming import Download


@require_safe
def data(request: HttpRequest, dataset_id: uuid.UUID) -> HttpResponse:
    dataset = services.find_dataset(dataset_id, user=request.user)
    found = data_page.profile_now(dataset)
    languages = data_page.languages_known(dataset)
    form = RowsForm(request.GET, languages)
    context = {
        "dataset": dataset,
        "step": "data",
        "form": form,
        "languages": language_bars(languages, language_name),
        "sampled_languages": sampled_language_bars(found, language_name),
        "sampled": sum(found.sampled_languages.values()),
        "query": _without(request, "row"),
        "exports": FORMS,
        "expires_at": expiry_of(dataset),
        "server": request.build_absolute_uri("/").rstrip("/"),
        "origin": version_history.origin_of(dataset, user=request.user),
        "may_delete": may_delete(request.session, request.user, dataset),
        **vars(data_page.data_page(dataset, form.wanted())),
    }
    return render(request, "datasets/data.html", context)


def _without(request: HttpRequest, name: str) -> str:
    """The query string of this page without one field, ready for another value of
    it."""
    query = request.GET.copy()
    query.pop(name, None)
    return f"{query.urlencode()}&" if query else ""


@require_safe
def problems(request: HttpRequest, dataset_id: uuid.UUID) -> HttpResponse:
    dataset = services.find_dataset(dataset_id, user=request.user)
    kind, page = ProblemsForm(request.GET).chosen()
    context = {
        "dataset": dataset,
        "step": "data",
        "list": data_page.list_problems(dataset, kind, page),
    }
    return render(request, "datasets/problems.html", context)


@require_safe
def closer(request: HttpRequest, dataset_id: uuid.UUID) -> HttpResponse:
    dataset = services.find_dataset(dataset_id, user=request.user)
    look = insights_view(data_page.insights_now(dataset), language_name)
    context = {
        "dataset": dataset,
        "step": "data",
        "look": look,
        "near_repair": fix_options.plain("drop_near_duplicates"),
        "mask_repair": fix_options.plain("mask_private"),
    }
    return render(request, "datasets/closer.html", context)


@require_safe
def export(request: HttpRequest, dataset_id: uuid.UUID) -> Download:
    dataset = services.find_dataset(dataset_id, user=request.user)
    form = request.GET.get("format", "jsonl")
    file = services.export_dataset(dataset, form)
    name = services.export_name(dataset, form)
    return Download(file, as_attachment=True, filename=name)
