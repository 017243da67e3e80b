from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from recommender.core import catalog_view
from recommender.services import catalog
from slmgen.errors import InvalidInput, NotFound


@require_safe
def models_page(request: HttpRequest) -> HttpResponse:
    """All models; those that the form chose are compared above."""
    models, error = catalog(), None
    try:
        chosen = catalog_view.chosen_models(models, request.GET.getlist("compare"))
    except InvalidInput as found:
        chosen, error = (), found.detail
    rows = catalog_view.comparison(chosen)
    most = catalog_view.MOST_COMPARED
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
        model = catalog_view.find_model(catalog(), model_id)
    except NotFound as error:
        raise Http404(error.detail) from None
    context = {"model": model, "facts": catalog_view.facts(model)}
    return render(request, "recommender/model_page.html", context)
