"""Actions of the owner on a job's page: clone, connect, download, delete."""

import uuid
from urllib.parse import urlsplit

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import (
    require_http_methods,
    require_POST,
    require_safe,
)

from jobs import services
from jobs.forms import DeletionForm
from jobs.training import measurements, runs
from notebooks.forms import query_of
from slmgen.env import LOOPBACK


@require_safe
@login_required
def clone(request: HttpRequest, job_id: uuid.UUID) -> HttpResponse:
    """Redirects to the settings for another job like this one."""
    job = services.find_job(str(job_id), user=request.user)
    if job.notebook and job.notebook.candidates:
        return redirect("page-model", job.dataset_id)
    address = reverse("page-training", args=[job.dataset_id])
    query = query_of(job.model_id, services.clone_of(job), services.gpu_of(job))
    return redirect(f"{address}?{query}")


@never_cache
@require_POST
@login_required
def secret(request: HttpRequest, job_id: uuid.UUID) -> HttpResponse:
    """Creates a token and shows it; it is shown nowhere else."""
    job = services.find_job(str(job_id), user=request.user)
    address = request.build_absolute_uri(reverse("report_training"))
    context = {
        "job": job,
        "dataset": job.dataset,
        "secret": runs.new_secret(job),
        "address": address,
        "is_local": urlsplit(address).hostname in LOOPBACK,
    }
    return render(request, "jobs/secret.html", context)


@require_POST
@login_required
def revoke(request: HttpRequest, job_id: uuid.UUID) -> HttpResponse:
    runs.revoke_secret(services.find_job(str(job_id), user=request.user))
    return redirect("page-job", job_id)


@require_safe
@login_required
def losses(request: HttpRequest, job_id: uuid.UUID) -> HttpResponse:
    job = services.find_job(str(job_id), user=request.user)
    return HttpResponse(
        measurements.losses_csv(job),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="losses-{job.id}.csv"'},
    )


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def delete(request: HttpRequest, job_id: uuid.UUID) -> HttpResponse:
    job = services.find_job(str(job_id), user=request.user)
    form = DeletionForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        keep = not form.cleaned_data["dataset"]
        services.delete_job(job, by=request.user, keep_dataset=keep)
        return redirect("page-jobs")
    context = {
        "job": job,
        "dataset": job.dataset,
        "form": form,
        "models": services.model_names(job),
        "may_take_dataset": services.may_take_dataset(job),
    }
    return render(request, "jobs/delete.html", context)
