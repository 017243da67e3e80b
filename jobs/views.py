import uuid

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from jobs import pages, services
from jobs.forms import HistoryForm, MoveForm
from notebooks.models import Notebook
from notebooks.views import TrainingView as NotebookTrainingView


class TrainingView(NotebookTrainingView):
    """As in `notebooks`, and for a signed-in user the notebook becomes a job."""

    def record(self, request: HttpRequest, notebook: Notebook) -> None:
        if request.user.is_authenticated:
            services.record_notebook(owner=request.user, notebook=notebook)


@require_safe
@login_required
def history(request: HttpRequest) -> HttpResponse:
    page = HistoryForm(request.GET).number()
    shown = pages.history_page(user=request.user, page=page)
    return render(request, "jobs/history.html", {"shown": shown})


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def job(request: HttpRequest, job_id: uuid.UUID) -> HttpResponse:
    found = services.find_job(str(job_id), user=request.user)
    if request.method == "POST":
        form = MoveForm(request.POST)
        if form.is_valid():
            change = services.Change(status=form.cleaned_data["status"])
            services.change_job(found, change)
        return redirect("page-job", found.id)
    shown = pages.job_page(found)
    context = {"shown": shown, "job": found, "dataset": found.dataset}
    return render(request, "jobs/job.html", context)
