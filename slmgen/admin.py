"""Users in the admin, and what allauth brings there that configures nothing here."""

from typing import Any

from allauth.socialaccount.models import SocialApp, SocialToken
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest

from slmgen.accounts.deletion import delete_account

admin.site.unregister([SocialApp, SocialToken, User])


@admin.register(User)
class AccountAdmin(UserAdmin):  # type: ignore[type-arg]  # generic in stubs only
    """Deleting a user deletes the stored files too."""

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        # What belongs to a user is deleted with them by the service, and never alone.
        rows, counts, _, protected = super().get_deleted_objects(objs, request)
        return rows, counts, set(), protected

    def delete_model(self, request: HttpRequest, obj: User) -> None:
        delete_account(obj, by=request.user)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        for user in queryset:
            delete_account(user, by=request.user)
