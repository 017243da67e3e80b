"""The part of a job's page that htmx reloads while the notebook runs."""

import uuid

from django.http import HttpRequest, HttpResponse, HttpResponseNotModified
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe
from django_htmx.http import HttpResponseClientRefresh

from jobs import services
from jobs.forms import LookForm
from jobs.models import Job
from jobs.pages import job_page
from jobs.pages.job_page import Look
from slmgen.errors import NotFound


@require_safe
def live(request: HttpRequest, job_id: uuid.UUID) -> HttpResponse:
    if "HX-Request" not in request.headers:
        return redirect("page-job", job_id)
    try:
        job = services.find_job(str(job_id), user=request.user)
    except NotFound:
        # Signed out or deleted meanwhile: reload the whole page, which shows that.
        return HttpResponseClientRefresh()
    look = LookForm(request.GET).look()
    if request.headers.get("If-None-Match") == f'"{job_page.tag_of(job, look)}"':
        return _tagged(HttpResponseNotModified(), job, look)
    context = {"job": job, "look": look, "shown": job_page.live(job, look)}
    return _tagged(render(request, "jobs/_live.html", context), job, look)


def _tagged(response: HttpResponse, job: Job, look: Look) -> HttpResponse:
    response["ETag"] = f'"{job_page.tag_of(job, look)}"'
    response["Cache-Control"] = "private, no-cache"
    return response
