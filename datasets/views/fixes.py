import uuid

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from datasets import services
from datasets.core.conversation import ROLES
from datasets.forms import wanted_repairs
from datasets.pages import fix_preview
from datasets.pages.session import remember
from slmgen.http.rate_limits import check_costly
from slmgen.http.view_limits import counted_as


@counted_as("uploads")
@require_http_methods(["GET", "HEAD", "POST"])
def repair(request: HttpRequest, dataset_id: uuid.UUID) -> HttpResponse:
    """Shows what a fix would change; a POST applies it and makes a new version."""
    dataset = services.find_dataset(dataset_id, user=request.user)
    if request.method == "POST":
        wanted = wanted_repairs(request.POST)
        made = services.repair(dataset, wanted, dry_run=False).dataset
        remember(request.session, made)
        return redirect("page-data", made.id)
    wanted = wanted_repairs(request.GET)
    if not wanted:
        return redirect("page-data", dataset.id)
    if not services.is_preview_known(dataset, wanted):
        check_costly(request)
    shown = fix_preview.try_repairs(dataset, wanted)
    context = {"dataset": dataset, "step": "data", "trial": shown}
    return render(request, "datasets/repair.html", context)


@require_safe
def roles(request: HttpRequest, dataset_id: uuid.UUID) -> HttpResponse:
    """Asks which role each role name in the file stands for; leads to the fix."""
    dataset = services.find_dataset(dataset_id, user=request.user)
    context = {
        "dataset": dataset,
        "step": "data",
        "names": fix_preview.role_names(dataset),
        "known": ROLES,
    }
    return render(request, "datasets/roles.html", context)
