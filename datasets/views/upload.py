import re
import uuid
from http import HTTPStatus

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_http_methods, require_safe

from datasets import services
from datasets.core import message_view
from datasets.core.presentation import fix_options, profile
from datasets.forms import ColumnsForm, ProblemsForm, UploadForm, language_name
from datasets.models import Dataset
from datasets.pages import data_page
from datasets.pages.rows import turns
from datasets.pages.session import recent, remember
from datasets.samples import SAMPLES
from datasets.work import results
from slmgen.errors import InvalidInput
from slmgen.http.error_pages import SECONDS_BETWEEN_LOOKS

BEFORE_A_PROBLEM = re.compile(r" (?=(?:Line|Row) [\d,]+: )")


# The CSRF check reads the upload. Inside the view, a file that is too large is answered
# as one; in the middleware it would be a server error.
@csrf_exempt
@csrf_protect
@require_http_methods(["GET", "HEAD", "POST"])
def start(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        return _start_page(request, UploadForm())
    form = UploadForm(request.POST, request.FILES)
    if not form.is_valid():
        return _start_page(request, form, HTTPStatus.BAD_REQUEST)
    try:
        dataset = services.upload_dataset(
            file=form.upload(), owner=request.user, mapping=form.mapping()
        )
    except InvalidInput as error:
        form.add_error(form.source, BEFORE_A_PROBLEM.split(error.detail))
        return _start_page(request, form, HTTPStatus.BAD_REQUEST)
    remember(request.session, dataset)
    return redirect("page-data", dataset.id)


def _start_page(
    request: HttpRequest, form: UploadForm, status: HTTPStatus = HTTPStatus.OK
) -> HttpResponse:
    context = {
        "form": form,
        "samples": SAMPLES,
        "recent": recent(request.session, request.user),
        "max_bytes": settings.SLMGEN_MAX_UPLOAD_BYTES,
        "max_mb": settings.SLMGEN_MAX_UPLOAD_BYTES // 10**6,
    }
    return render(request, "datasets/start.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
def columns(request: HttpRequest, dataset_id: uuid.UUID) -> HttpResponse:
    """Which column holds what; kept, it makes a new version of the data."""
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
        "bubbles": turns(shown.example["messages"]),
    }
    status = HTTPStatus.BAD_REQUEST if form.errors else HTTPStatus.OK
    return render(request, "datasets/columns.html", context, status=status)


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


@require_http_methods(["GET", "HEAD", "POST"])
def work_page(request: HttpRequest, dataset_id: uuid.UUID) -> HttpResponse:
    """What is being computed: how far it is, cancel it, start it again."""
    dataset = services.find_dataset(dataset_id, user=request.user)
    if request.method == "POST":
        item = results.find_work(dataset, request.POST.get("item", ""))
        change = (
            results.cancel_work if "cancel" in request.POST else results.restart_work
        )
        change(item)
        return redirect("page-work", dataset.id)
    items = results.list_work(dataset)
    context = {"dataset": dataset, "step": "data", "items": items}
    response = render(request, "datasets/work.html", context)
    if any(item.is_active for item in items):
        response["Refresh"] = str(SECONDS_BETWEEN_LOOKS)
    return response


@require_safe
def closer(request: HttpRequest, dataset_id: uuid.UUID) -> HttpResponse:
    dataset = services.find_dataset(dataset_id, user=request.user)
    look = profile.closer_look(data_page.insights_now(dataset), language_name)
    context = {
        "dataset": dataset,
        "step": "data",
        "look": look,
        "near_repair": fix_options.plain("drop_near_duplicates"),
        "mask_repair": fix_options.plain("mask_private"),
    }
    return render(request, "datasets/closer.html", context)
