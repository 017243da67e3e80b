from typing import Any, cast

from allauth.account.adapter import get_adapter
from allauth.account.forms import ChangePasswordForm, ResetPasswordKeyForm
from allauth.core import ratelimit
from django import forms
from django.contrib.auth.forms import AdminUserCreationForm
from django.contrib.auth.models import User
from django.http import HttpRequest

from slmgen.identity import api_tokens
from slmgen.identity.api_tokens import LIFE_DAYS
from slmgen.identity.models import ApiToken

LIFE_WORDS = {7: "7 days", 30: "30 days", 90: "90 days", 365: "a year"}
TOO_OFTEN = "That was tried too often; wait a few minutes and try again."


class TokenForm(forms.Form):
    name = forms.CharField(
        label="Name", max_length=100, help_text="What will use it, such as “CI server”."
    )
    scope = forms.ChoiceField(
        label="May",
        choices=ApiToken.Scope.choices,
        initial=ApiToken.Scope.READ,
        help_text="To read is to GET; uploading, generating and deleting is to write.",
    )
    days = forms.TypedChoiceField(
        label="Ends after",
        coerce=int,
        choices=[(days, LIFE_WORDS[days]) for days in LIFE_DAYS],
        initial=90,
    )


class RevokingForm(forms.Form):
    """A new password, with the option to end the API tokens created under the old one.

    A mixin for allauth's forms, which set `user` and keep the password in `save`.
    """

    user: User
    revokes_by_default = False
    revoke_tokens = forms.BooleanField(required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        count = api_tokens.count_alive(self.user)
        field = self.fields["revoke_tokens"]
        field.initial = self.revokes_by_default
        field.label = f"Also revoke your {count} API token{'s' if count > 1 else ''}"
        field.help_text = "Programs that use them stop working until they get new ones."
        if not count:
            del self.fields["revoke_tokens"]

    def save(self) -> None:
        super().save()  # type: ignore[misc]  # of the form this is mixed into
        if self.cleaned_data.get("revoke_tokens"):
            user = self.user  # authenticated by the old password or by the email
            api_tokens.revoke_all(user, by=user)


class PasswordChangeForm(RevokingForm, ChangePasswordForm):  # type: ignore[misc]  # allauth is not annotated for others
    pass


class PasswordResetForm(RevokingForm, ResetPasswordKeyForm):  # type: ignore[misc]  # allauth is not annotated for others
    """Ends API tokens by default: the account may have been taken over."""

    revokes_by_default = True


class NewUserForm(AdminUserCreationForm):  # type: ignore[type-arg]  # generic in stubs only
    """A user created in the admin, by the rules of the sign-up page."""

    def clean_username(self) -> str:
        get_adapter().clean_username(self.cleaned_data["username"], shallow=True)
        return super().clean_username()


class AccountDeletionForm(forms.Form):
    """Asks for the password, or for the name where there is no password."""

    password = forms.CharField(
        label="Your password",
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
    username = forms.CharField(
        label="Your username",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        help_text="Type it, to be sure that this is meant.",
    )

    def __init__(self, request: HttpRequest, *args: Any) -> None:
        super().__init__(*args)
        self.request = request
        self.user = cast("User", request.user)  # the view requires a signed-in user
        del self.fields["username" if self.user.has_usable_password() else "password"]

    def clean_password(self) -> str:
        # Shares its limit with allauth's own password prompt.
        if not ratelimit.consume(self.request, action="reauthenticate", user=self.user):
            raise forms.ValidationError(TOO_OFTEN)
        password = str(self.cleaned_data["password"])
        if not self.user.check_password(password):
            raise forms.ValidationError("This is not your password.")
        return password

    def clean_username(self) -> str:
        username = str(self.cleaned_data["username"])
        if username != self.user.username:
            raise forms.ValidationError(
                f"This is not your username; it is {self.user.username}."
            )
        return username
