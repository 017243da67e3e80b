from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from notebooks.models import Notebook
from notebooks.services import lint_notebook
from slmgen.support.read_only_admin import OfDatasetAdmin, short


@admin.register(Notebook)
class NotebookAdmin(OfDatasetAdmin):
    """Metadata only: the file holds what a user uploaded."""

    list_display = ("made", "owner", "data", "model_id", "size", "age")
    list_filter = ("model_id", "created_at")
    search_fields = ("id", "dataset__id", "dataset__owner__username", "sha256")
    exclude = ("filename",)  # the file name is the key to the file
    actions = ("lint",)

    @admin.display(description="Notebook", ordering="id")
    def made(self, notebook: Notebook) -> str:
        return short(notebook.pk)

    @admin.action(description="Check the selected notebooks again")
    def lint(self, request: HttpRequest, notebooks: QuerySet[Notebook]) -> None:
        for notebook in notebooks:
            faults = lint_notebook(notebook)
            words = "; ".join(faults) or "no faults"
            level = messages.ERROR if faults else messages.SUCCESS
            self.message_user(request, f"{notebook}: {words}", level)
