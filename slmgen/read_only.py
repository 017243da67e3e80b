from datetime import datetime

from django.contrib import admin
from django.contrib.auth import get_permission_codename
from django.http import HttpRequest
from django.utils.timesince import timesince


class ReadOnlyAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # generic in stubs only
    """Rows to look at: they are made, changed and deleted by services alone.

    A row deleted here would leave its stored files behind. Who has the permission to
    change a kind of row may use its actions, which call services.
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


def short(key: object) -> str:
    """The start of an id: enough to tell rows apart, and what a search finds."""
    return str(key)[:8]


def age(moment: datetime) -> str:
    """How long ago it was, in one unit."""
    return timesince(moment, depth=1)
