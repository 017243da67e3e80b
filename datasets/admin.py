from django.contrib import admin

from datasets.models import Dataset, WorkItem
from slmgen.read_only import ReadOnlyAdmin


@admin.register(Dataset)
class DatasetAdmin(ReadOnlyAdmin):
    """Metadata only: what users uploaded is not shown to staff."""

    list_display = ("id", "owner", "size", "total_examples", "bad_lines", "created_at")
    list_select_related = ("owner",)
    list_filter = ("created_at",)
    search_fields = ("id", "owner__username")
    exclude = ("problems",)


@admin.register(WorkItem)
class WorkItemAdmin(ReadOnlyAdmin):
    list_display = ("dataset", "kind", "state", "progress", "attempt", "updated_at")
    list_select_related = ("dataset",)
    list_filter = ("kind", "state")
    search_fields = ("dataset__id",)
    exclude = ("payload", "result", "message")
