from django.contrib import admin

from datasets.models import Analysis, Dataset, Insight
from slmgen.read_only import ReadOnlyAdmin


@admin.register(Dataset)
class DatasetAdmin(ReadOnlyAdmin):
    """Metadata only: what users uploaded is not shown to staff."""

    list_display = ("id", "owner", "size", "total_examples", "bad_lines", "created_at")
    list_select_related = ("owner",)
    list_filter = ("created_at",)
    search_fields = ("id", "owner__username")
    exclude = ("problems",)


@admin.register(Analysis)
class AnalysisAdmin(ReadOnlyAdmin):
    list_display = ("dataset", "state", "progress", "fence", "updated_at")
    list_select_related = ("dataset",)
    list_filter = ("state",)
    exclude = ("profile",)


@admin.register(Insight)
class InsightAdmin(ReadOnlyAdmin):
    list_display = ("dataset", "state", "progress", "fence", "updated_at")
    list_select_related = ("dataset",)
    list_filter = ("state",)
    exclude = ("report",)
