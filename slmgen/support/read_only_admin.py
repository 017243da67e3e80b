from datetime import datetime
from typing import Any, Protocol

from django.contrib import admin
from django.contrib.auth import get_permission_codename
from django.http import HttpRequest
from django.utils.timesince import timesince


class OfDataset(Protocol):
    dataset: Any
    dataset_id: Any
    created_at: datetime


class ReadOnlyAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # generic in stubs only
    """Rows to view; only services create, change and delete them.

    Deleting a row here would leave its stored files behind. With the change permission,
    actions that call services are available.
    """

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(
        self, request: HttpRequest, obj: object | None = None
    ) -> bool:
        return False

    def has_delete_permission(
        self, request: HttpRequest, obj: object | None = None
    ) -> bool:
        return False

    def has_act_permission(self, request: HttpRequest) -> bool:
        codename = get_permission_codename("change", self.opts)
        return bool(request.user.has_perm(f"{self.opts.app_label}.{codename}"))


class OfDatasetAdmin(ReadOnlyAdmin):
    """Rows that belong to a dataset, and through it to its owner."""

    list_select_related = ("dataset", "dataset__owner")

    @admin.display(description="Dataset", ordering="dataset")
    def data(self, row: OfDataset) -> str:
        return short(row.dataset_id)

    @admin.display(description="Owner", ordering="dataset__owner__username")
    def owner(self, row: OfDataset) -> str:
        return str(row.dataset.owner or "nobody")

    @admin.display(description="Age", ordering="created_at")
    def age(self, row: OfDataset) -> str:
        return age(row.created_at)


def short(key: object) -> str:
    """The start of an id: enough to tell rows apart and to search for."""
    return str(key)[:8]


def age(moment: datetime) -> str:
    """How long ago it was, in one unit."""
    return timesince(moment, depth=1)
