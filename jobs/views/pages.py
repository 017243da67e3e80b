import uuid

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from jobs import services
from jobs.forms import HistoryForm, LookForm, MoveForm
from jobs.models import Job
from jobs.pages import comparison, history, job_page
from jobs.training import measurements
from recommender.services import catalog


@require_safe
@login_required
def jobs(request: HttpRequest) -> HttpResponse:
    form = HistoryForm(request.GET, history.choices(user=request.user))
    wanted = form.wanted()
    query = request.GET.copy()
    query.pop("page", None)
    context = {
        "form": form,
        "wanted": wanted,
        "query": f"{query.urlencode()}&" if query else "",
        "shown": history.history_page(user=request.user, wanted=wanted),
    }
    return render(request, "jobs/history.html", context)


@require_safe
@login_required
def compare(request: HttpRequest) -> HttpResponse:
    chosen = request.GET.getlist("job")
    shown = comparison.compare(chosen, user=request.user)
    query = "".join(f"job={job.id}&" for job in shown.jobs)
    look = LookForm(request.GET).look()
    context = {"shown": shown, "query": query, "look": look}
    return render(request, "jobs/compare.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def job(request: HttpRequest, job_id: uuid.UUID) -> HttpResponse:
    found = services.find_job(str(job_id), user=request.user)
    if request.method == "POST":
        form = MoveForm(request.POST)
        if form.is_valid():
            services.change_job(found, services.JobChange(**form.cleaned_data))
        return redirect("page-job", found.id)
    look = LookForm(request.GET).look()
    context = {"look": look, "shown": job_page.live(found, look), **_about(found)}
    return render(request, "jobs/job.html", context)


def _about(job: Job) -> dict[str, object]:
    return {
        "job": job,
        "dataset": job.dataset,
        "run": measurements.run_of_job(job),
        "is_connected": measurements.is_connected(job),
        "details": services.details_of(job),
        "model": catalog().find(job.model_id),
        "models": services.model_names(job),
        "planned": services.planned_training(job),
    }
