import uuid
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from datasets import services
from datasets.core import message_view
from datasets.forms import ColumnsForm
from datasets.models import Dataset
from datasets.pages.rows import turns
from datasets.pages.session import remember
from slmgen.errors import InvalidInput
from slmgen.http.view_limits import counted_as


@counted_as("uploads")
@require_http_methods(["GET", "HEAD", "POST"])
def columns(request: HttpRequest, dataset_id: uuid.UUID) -> HttpResponse:
    """Shows and changes which column holds what; saving makes a new version."""
    dataset = services.find_dataset(dataset_id, user=request.user)
    shown = services.mapping_of(dataset)
    form = ColumnsForm(shown.columns, request.POST or shown.mapping)
    try:
        if "keep" in request.POST:
            made = services.map_dataset(dataset, form.mapping())
            remember(request.session, made)
            return redirect("page-data", made.id)
        shown = services.mapping_of(dataset, form.mapping())
    except InvalidInput as error:
        form.add_error(None, error.detail)
    return _columns_page(request, dataset, shown, form)


def _columns_page(
    request: HttpRequest, dataset: Dataset, shown: services.Mapped, form: ColumnsForm
) -> HttpResponse:
    context = {
        "dataset": dataset,
        "step": "data",
        "form": form,
        "source": message_view.pretty(shown.source_row),
        "message_views": turns(shown.example["messages"]),
    }
    status = HTTPStatus.BAD_REQUEST if form.errors else HTTPStatus.OK
    return render(request, "datasets/columns.html", context, status=status)
