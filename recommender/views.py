import uuid
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from datasets.browsing import profile_now
from datasets.models import Dataset
from datasets.services import find_dataset
from recommender import services
from recommender.core.cards import Questions, cards
from recommender.core.suggestion import Suggestion, suggest
from recommender.forms import NeedForm


@require_http_methods(["GET", "HEAD", "POST"])
def model(request: HttpRequest, dataset_id: uuid.UUID) -> HttpResponse:
    dataset = find_dataset(dataset_id, user=request.user)
    suggestion = suggest(profile_now(dataset))
    if request.method == "POST":
        task, target = NeedForm(request.POST).need(suggestion)
        services.recommend(dataset, task=task, target=target)
        query = urlencode({"task": task.value, "target": target.value})
        return redirect(f"{reverse('page-model', args=[dataset.id])}?{query}#ranking")
    return _model_page(request, dataset, suggestion)


def _model_page(
    request: HttpRequest, dataset: Dataset, suggestion: Suggestion
) -> HttpResponse:
    last = services.last_need(dataset)
    task, target = NeedForm(request.GET or _asked(last)).need(suggestion)
    ranking = services.ranking_for(dataset, task=task, target=target)
    context = {
        "dataset": dataset,
        "step": "model",
        "questions": Questions(task, target, suggestion),
        "cards": cards(ranking),
        "excluded": ranking.excluded,
    }
    return render(request, "recommender/model.html", context)


def _asked(last: services.LastNeed | None) -> dict[str, str]:
    return {} if last is None else {"task": last.task, "target": last.target}
