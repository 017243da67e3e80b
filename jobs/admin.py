from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from jobs.models import Job, TrainingRun
from jobs.services import Change, change_job
from jobs.training import revoke_secret
from slmgen.errors import InvalidInput
from slmgen.read_only import ReadOnlyAdmin


@admin.register(Job)
class JobAdmin(ReadOnlyAdmin):
    list_display = ("id", "owner", "status", "model_id", "dataset", "created_at")
    list_select_related = ("owner", "dataset")
    list_filter = ("status", "model_id", "created_at")
    search_fields = ("id", "owner__username", "dataset__id")
    actions = ("cancel",)

    @admin.action(description="Cancel the selected jobs", permissions=["view"])
    def cancel(self, request: HttpRequest, jobs: QuerySet[Job]) -> None:
        for job in jobs:
            try:
                change_job(job, Change(status=Job.Status.CANCELLED))
            except InvalidInput as error:
                self.message_user(request, error.detail, messages.ERROR)


@admin.register(TrainingRun)
class TrainingRunAdmin(ReadOnlyAdmin):
    list_display = ("job", "step", "steps", "started_at", "seen_at", "ended_at")
    list_select_related = ("job",)
    exclude = ("secret_hash",)
    actions = ("revoke",)

    @admin.action(description="Revoke the selected secrets", permissions=["view"])
    def revoke(self, request: HttpRequest, runs: QuerySet[TrainingRun]) -> None:
        for run in runs.select_related("job"):
            revoke_secret(run.job)
