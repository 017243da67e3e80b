"""Users in the admin, and allauth's models there.

Staff help users without acting as them: a password, an email address or another way to
sign in that staff could set would open the account, and its content without a record.
Only superusers give rights, so that nobody gives them to themselves.
"""

from typing import Any

from allauth.account.admin import EmailAddressAdmin
from allauth.account.models import EmailAddress
from allauth.socialaccount.admin import SocialAccountAdmin
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from slmgen.accounts.deletion import delete_account
from slmgen.accounts.forms import NewUserForm
from slmgen.audit.services import audit

admin.site.unregister([SocialApp, SocialToken, User])
admin.site.unregister([EmailAddress, SocialAccount, Group])

SIGN_IN = ("username", "email")
RIGHTS = ("is_staff", "is_superuser", "groups", "user_permissions")


class SuperusersChange(admin.ModelAdmin):  # type: ignore[type-arg]  # generic in stubs only
    """Only superusers change rows that decide about rights; others may view them."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return _is_superuser(request) and super().has_add_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _is_superuser(request) and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _is_superuser(request) and super().has_delete_permission(request, obj)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        return super().get_actions(request) if _is_superuser(request) else {}


@admin.register(Group)
class AccountGroupAdmin(SuperusersChange, GroupAdmin):
    pass


@admin.register(EmailAddress)
class AccountAddressAdmin(SuperusersChange, EmailAddressAdmin):  # type: ignore[misc]  # allauth is not annotated for others
    pass


@admin.register(SocialAccount)
class AccountConnectionAdmin(SuperusersChange, SocialAccountAdmin):  # type: ignore[misc]  # allauth is not annotated for others
    pass


@admin.register(User)
class AccountAdmin(UserAdmin):  # type: ignore[type-arg]  # generic in stubs only
    """Deleting a user deletes the stored files too."""

    add_form = NewUserForm

    def has_change_permission(
        self, request: HttpRequest, obj: User | None = None
    ) -> bool:
        allowed = super().has_change_permission(request, obj)
        return allowed and _may_act_on(request, obj)

    def has_delete_permission(
        self, request: HttpRequest, obj: User | None = None
    ) -> bool:
        allowed = super().has_delete_permission(request, obj)
        return allowed and _may_act_on(request, obj)

    def get_fieldsets(self, request: HttpRequest, obj: User | None = None) -> Any:
        found = super().get_fieldsets(request, obj)
        if obj is None or _is_superuser(request):
            return found
        return [(None, {"fields": ("username",)}), *found[1:]]  # without the password

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> Any:
        found = super().get_readonly_fields(request, obj)
        if obj is None or _is_superuser(request):
            return found
        return [*found, *SIGN_IN, *RIGHTS]

    def user_change_password(
        self, request: HttpRequest, id: str, form_url: str = ""
    ) -> HttpResponse:
        if not _is_superuser(request):
            raise PermissionDenied
        return super().user_change_password(request, id, form_url)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        # A user's objects are deleted by the service together with the user, never
        # alone.
        rows, counts, _, protected = super().get_deleted_objects(objs, request)
        refused = {
            str(user) for user in objs if not self.has_delete_permission(request, user)
        }
        return rows, counts, refused, protected

    def delete_model(self, request: HttpRequest, obj: User) -> None:
        delete_account(obj, by=request.user)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        for user in queryset:
            delete_account(user, by=request.user)

    def log_addition(self, request: HttpRequest, obj: User, message: Any) -> Any:
        audit(request.user, "make", obj)
        return super().log_addition(request, obj, message)

    def log_change(self, request: HttpRequest, obj: User, message: Any) -> Any:
        audit(request.user, "change", obj)
        return super().log_change(request, obj, message)


def _is_superuser(request: HttpRequest) -> bool:
    return bool(request.user.is_active and request.user.is_superuser)


def _may_act_on(request: HttpRequest, user: User | None) -> bool:
    """Staff act on users; on staff accounts, even inactive ones, only superusers do."""
    is_support = user is not None and (user.is_staff or user.is_superuser)
    return _is_superuser(request) or not is_support
