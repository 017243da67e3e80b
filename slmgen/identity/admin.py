from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from slmgen.identity import api_tokens
from slmgen.identity.models import ApiToken, Identity
from slmgen.support.read_only_admin import ReadOnlyAdmin


@admin.register(Identity)
class IdentityAdmin(ReadOnlyAdmin):
    list_display = ("user", "issuer", "subject", "created_at")
    list_select_related = ("user",)
    search_fields = ("user__username", "subject")


@admin.register(ApiToken)
class ApiTokenAdmin(ReadOnlyAdmin):
    """Tokens can be listed and revoked: users alone create them, and each is shown
    once."""

    list_display = (
        *("user", "name", "scope", "created_at"),
        *("expires_at", "last_used_at", "revoked_at"),
    )
    list_select_related = ("user",)
    list_filter = ("scope", "created_at", "revoked_at")
    search_fields = ("user__username", "name")
    exclude = ("hash",)
    actions = ("revoke",)

    @admin.action(description="Revoke the selected tokens", permissions=["act"])
    def revoke(self, request: HttpRequest, rows: QuerySet[ApiToken]) -> None:
        for row in rows:
            api_tokens.revoke(row, by=request.user)
