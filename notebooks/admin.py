from django.contrib import admin

from notebooks.models import Notebook
from slmgen.read_only import ReadOnlyAdmin


@admin.register(Notebook)
class NotebookAdmin(ReadOnlyAdmin):
    """Metadata only: the file holds what a user uploaded."""

    list_display = ("id", "dataset", "model_id", "size", "created_at")
    list_select_related = ("dataset",)
    list_filter = ("model_id",)
    exclude = ("filename",)  # it is the key to the file
