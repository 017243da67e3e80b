from django.contrib import admin
from django.http import HttpRequest

from notebooks.models import Notebook


@admin.register(Notebook)
class NotebookAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # generic in stubs only
    """Metadata only: the file holds what a user uploaded."""

    list_display = ("id", "dataset", "model_id", "size", "created_at")
    list_select_related = ("dataset",)
    list_filter = ("model_id",)
    exclude = ("filename",)  # it is the key to the file

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(
        self, request: HttpRequest, obj: object | None = None
    ) -> bool:
        return False

    def has_delete_permission(
        self, request: HttpRequest, obj: object | None = None
    ) -> bool:
        return False  # the row alone would leave its file behind
