from django.contrib import admin
from django.http import HttpRequest

from datasets.models import Analysis, Dataset


class ReadOnlyAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # generic in stubs only
    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(
        self, request: HttpRequest, obj: object | None = None
    ) -> bool:
        return False


@admin.register(Dataset)
class DatasetAdmin(ReadOnlyAdmin):
    """Metadata only: what users uploaded is not shown to staff."""

    list_display = ("id", "owner", "size", "total_examples", "bad_lines", "created_at")
    list_select_related = ("owner",)
    list_filter = ("created_at",)
    search_fields = ("id", "owner__username")
    exclude = ("problems",)

    def has_delete_permission(
        self, request: HttpRequest, obj: object | None = None
    ) -> bool:
        return False  # the row alone would leave its files behind


@admin.register(Analysis)
class AnalysisAdmin(ReadOnlyAdmin):
    list_display = ("dataset", "state", "progress", "fence", "updated_at")
    list_select_related = ("dataset",)
    list_filter = ("state",)
    exclude = ("profile",)
