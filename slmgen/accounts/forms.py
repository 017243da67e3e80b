from typing import Any, cast

from allauth.account.adapter import get_adapter
from allauth.core import ratelimit
from django import forms
from django.contrib.auth.forms import AdminUserCreationForm
from django.contrib.auth.models import User
from django.http import HttpRequest

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


class NewUserForm(AdminUserCreationForm):  # type: ignore[type-arg]  # generic in stubs only
    """A user made in the admin, by the rules of the sign-up page."""

    def clean_username(self) -> str | None:
        username = super().clean_username()
        return get_adapter().clean_username(username) if username else username


class DeletionForm(forms.Form):
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
        self.user = cast("User", request.user)  # the view lets nobody else in
        del self.fields["username" if self.user.has_usable_password() else "password"]

    def clean_password(self) -> str:
        # One limit with allauth's own question for the password.
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
