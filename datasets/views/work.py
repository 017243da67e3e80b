import uuid

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from datasets import services
from datasets.work import results
from slmgen.http.error_pages import POLL_SECONDS


@require_http_methods(["GET", "HEAD", "POST"])
def work_page(request: HttpRequest, dataset_id: uuid.UUID) -> HttpResponse:
    """Shows running work, with its progress; cancels or restarts it."""
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
        response["Refresh"] = str(POLL_SECONDS)
    return response
