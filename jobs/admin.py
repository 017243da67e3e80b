from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from jobs.models import Job
from jobs.services import Change, change_job
from slmgen.errors import InvalidInput


@admin.register(Job)
class JobAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # generic in stubs only
    list_display = ("id", "owner", "status", "model_id", "dataset", "created_at")
    list_select_related = ("owner", "dataset")
    list_filter = ("status", "model_id", "created_at")
    search_fields = ("id", "owner__username", "dataset__id")
    actions = ("cancel",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(
        self, request: HttpRequest, obj: object | None = None
    ) -> bool:
        return False

    def has_delete_permission(
        self, request: HttpRequest, obj: object | None = None
    ) -> bool:
        return False  # the row alone would leave its files behind

    @admin.action(description="Cancel the selected jobs", permissions=["view"])
    def cancel(self, request: HttpRequest, jobs: QuerySet[Job]) -> None:
        for job in jobs:
            try:
                change_job(job, Change(status=Job.Status.CANCELLED))
            except InvalidInput as error:
                self.message_user(request, error.detail, messages.ERROR)
