import uuid
from collections.abc import Callable

from django.contrib import admin, messages
from django.contrib.admin.filters import EmptyFieldListFilter
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import URLPattern, path

from datasets.core.message_view import MessageView
from datasets.forms import ContentForm
from datasets.models import Dataset, WorkItem, of_analysis
from datasets.pages.rows import turns
from datasets.services import examples_page
from datasets.work.results import cancel_work, restart_work
from slmgen.audit.services import audit
from slmgen.errors import Conflict
from slmgen.support.read_only_admin import OfDatasetAdmin, ReadOnlyAdmin, age, short

ROWS_SHOWN = 20


@admin.register(Dataset)
class DatasetAdmin(ReadOnlyAdmin):
    """Metadata only. Content has a page of its own, which needs a permission and leaves
    a record."""

    list_display = (
        "data", "owner", "size", "total_examples", "bad_lines", "form", "work", "age",
    )  # fmt: skip
    list_select_related = ("owner",)
    list_filter = ("created_at", "container", "form", ("owner", EmptyFieldListFilter))
    search_fields = ("id", "owner__username", "sha256")
    exclude = ("problems", "problem_groups", "columns")  # they quote the data

    def get_queryset(self, request: HttpRequest) -> QuerySet[Dataset]:
        datasets: QuerySet[Dataset] = super().get_queryset(request)
        return datasets.annotate(analysis=of_analysis("state"))

    @admin.display(description="Dataset", ordering="id")
    def data(self, dataset: Dataset) -> str:
        return short(dataset.pk)

    @admin.display(description="Analysis", ordering="analysis")
    def work(self, dataset: Dataset) -> str:
        return str(dataset.analysis)  # type: ignore[attr-defined]  # annotated

    @admin.display(description="Age", ordering="created_at")
    def age(self, dataset: Dataset) -> str:
        return age(dataset.created_at)

    def get_urls(self) -> list[URLPattern]:
        content = self.admin_site.admin_view(self.content)
        name = "datasets_dataset_content"
        own = path("<uuid:dataset_id>/content/", content, name=name)
        return [own, *super().get_urls()]

    def content(self, request: HttpRequest, dataset_id: uuid.UUID) -> HttpResponse:
        """Announces what will be recorded; a POST records it and shows the rows."""
        if not request.user.has_perm("datasets.view_dataset_content"):
            raise PermissionDenied
        dataset = get_object_or_404(Dataset, pk=dataset_id, emptied_at=None)
        context = {**self.admin_site.each_context(request), "dataset": dataset}
        context |= {"title": "Content of a dataset", "opts": self.opts}
        if request.method == "POST":
            number = ContentForm(request.POST).number()
            rows = _rows(dataset, number)  # nothing is recorded that cannot be shown
            audit(request.user, "open content", dataset)
            context |= {"rows": rows, "page": number}
        return render(request, "admin/datasets/dataset/content.html", context)


def _rows(dataset: Dataset, page: int) -> list[tuple[int, list[MessageView]]]:
    """Rows by their numbers, as their owner sees them."""
    found = examples_page(dataset, page=page, page_size=ROWS_SHOWN)
    return [(example.index + 1, turns(example.messages)) for example in found.examples]


@admin.register(WorkItem)
class WorkItemAdmin(OfDatasetAdmin):
    """A computation on a dataset: waiting, running or ended."""

    list_display = (
        "data", "kind", "owner", "state", "age", "attempts", "progress", "lease_until",
        "updated_at",
    )  # fmt: skip
    list_filter = ("kind", "state", "attempts", "updated_at")
    search_fields = ("dataset__id", "dataset__owner__username")
    ordering = ("-created_at",)
    exclude = ("payload", "result", "message")  # they may quote the data
    actions = ("cancel", "retry")

    @admin.action(description="Cancel the selected work", permissions=["act"])
    def cancel(self, request: HttpRequest, items: QuerySet[WorkItem]) -> None:
        self._each(request, items, cancel_work, "cancel")

    @admin.action(description="Try the selected work again", permissions=["act"])
    def retry(self, request: HttpRequest, items: QuerySet[WorkItem]) -> None:
        self._each(request, items, restart_work, "retry")

    def _each(
        self,
        request: HttpRequest,
        items: QuerySet[WorkItem],
        service: Callable[[WorkItem], WorkItem],
        name: str,
    ) -> None:
        for item in items:
            try:
                audit(request.user, name, service(item))
            except Conflict as error:
                self.message_user(request, error.detail, messages.ERROR)
