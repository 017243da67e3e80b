import uuid
from collections.abc import Callable

from django.contrib import admin, messages
from django.contrib.admin.filters import EmptyFieldListFilter
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import URLPattern, path

from datasets.core.bubbles import Bubble
from datasets.forms import ContentForm
from datasets.models import Analysis, Dataset, Insight
from datasets.rows import turns
from datasets.services import examples_page
from datasets.tasks import cancel_work, retry_work
from slmgen.audit.services import audit
from slmgen.read_only import ReadOnlyAdmin, age, short

ROWS_SHOWN = 20


@admin.register(Dataset)
class DatasetAdmin(ReadOnlyAdmin):
    """Metadata only. Content has a page and a permission of its own, and a record."""

    list_display = (
        "data", "owner", "size", "total_examples", "bad_lines", "form", "work", "age",
    )  # fmt: skip
    list_select_related = ("owner", "analysis")
    list_filter = ("created_at", "container", "form", ("owner", EmptyFieldListFilter))
    search_fields = ("id", "owner__username", "sha256")
    exclude = ("problems", "columns")

    @admin.display(description="Dataset", ordering="id")
    def data(self, dataset: Dataset) -> str:
        return short(dataset.pk)

    @admin.display(description="Analysis", ordering="analysis__state")
    def work(self, dataset: Dataset) -> str:
        return str(dataset.analysis.state)

    @admin.display(description="Age", ordering="created_at")
    def age(self, dataset: Dataset) -> str:
        return age(dataset.created_at)

    def get_urls(self) -> list[URLPattern]:
        content = self.admin_site.admin_view(self.content)
        name = "datasets_dataset_content"
        own = path("<uuid:dataset_id>/content/", content, name=name)
        return [own, *super().get_urls()]

    def content(self, request: HttpRequest, dataset_id: uuid.UUID) -> HttpResponse:
        """Says what will be recorded; opened by POST, records it and shows rows."""
        if not request.user.has_perm("datasets.view_dataset_content"):
            raise PermissionDenied
        dataset = get_object_or_404(Dataset, pk=dataset_id)
        context = {**self.admin_site.each_context(request), "dataset": dataset}
        context |= {"title": "Content of a dataset", "opts": self.opts}
        if request.method == "POST":
            number = ContentForm(request.POST).number()
            audit(request.user, "open content", dataset)
            context |= {"rows": _rows(dataset, number), "page": number}
        return render(request, "admin/datasets/dataset/content.html", context)


def _rows(dataset: Dataset, page: int) -> list[tuple[int, list[Bubble]]]:
    """Rows by their numbers, as their owner sees them."""
    found = examples_page(dataset, page=page, page_size=ROWS_SHOWN)
    return [(example.index + 1, turns(example.messages)) for example in found]


class WorkAdmin(ReadOnlyAdmin):
    """A computation on a dataset that waits, runs or has ended."""

    list_display = (
        "data", "owner", "state", "age", "attempts", "progress", "lease_until",
        "updated_at",
    )  # fmt: skip
    list_select_related = ("dataset", "dataset__owner")
    list_filter = ("state", "attempts", "updated_at")
    search_fields = ("dataset__id", "dataset__owner__username")
    ordering = ("-dataset__created_at",)
    actions = ("cancel", "retry")

    @admin.display(description="Dataset", ordering="dataset")
    def data(self, row: Analysis | Insight) -> str:
        return short(row.pk)

    @admin.display(description="Owner", ordering="dataset__owner__username")
    def owner(self, row: Analysis | Insight) -> str:
        return str(row.dataset.owner or "nobody")

    @admin.display(description="Age", ordering="dataset__created_at")
    def age(self, row: Analysis | Insight) -> str:
        return age(row.dataset.created_at)

    @admin.action(description="Cancel the selected work", permissions=["act"])
    def cancel(self, request: HttpRequest, rows: QuerySet[Analysis | Insight]) -> None:
        self._each(request, rows, cancel_work, "cancel")

    @admin.action(description="Try the selected work again", permissions=["act"])
    def retry(self, request: HttpRequest, rows: QuerySet[Analysis | Insight]) -> None:
        self._each(request, rows, retry_work, "retry")

    def _each(
        self,
        request: HttpRequest,
        rows: QuerySet[Analysis | Insight],
        service: Callable[[Analysis | Insight], bool],
        name: str,
    ) -> None:
        for row in rows:
            if service(row):
                audit(request.user, name, row)
            else:
                sentence = f"{row} is {row.state}: there is nothing to {name}."
                self.message_user(request, sentence, messages.ERROR)


@admin.register(Analysis)
class AnalysisAdmin(WorkAdmin):
    exclude = ("profile",)


@admin.register(Insight)
class InsightAdmin(WorkAdmin):
    exclude = ("report",)
