"""Adapters for allauth: the points where it asks this project for its rules."""

import logging
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.internal.flows.login import record_authentication
from allauth.account.models import EmailAddress
from allauth.core import context
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from django.conf import settings
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from slmgen.accounts.adoption import adopt
from slmgen.audit.services import audit
from slmgen.errors import TooMany, Unavailable
from slmgen.identity.passwords import forget_failures

logger = logging.getLogger("slmgen.accounts")

# Accounts that are created for tokens, see slmgen.identity.services
TOKEN_USERS = "sb_"  # noqa: S105  # no secret, the start of a name
# A failed email undoes nothing: the account page can send another one and lists the
# tokens.
NEW_TOKEN = "account/email/api_token_created"  # noqa: S105  # no secret, a template
DISPENSABLE = {"account/email/email_confirmation_signup", NEW_TOKEN}


class AccountAdapter(DefaultAccountAdapter):
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return bool(settings.SLMGEN_SIGNUP)

    def is_safe_url(self, url: str | None) -> bool:
        """Narrower than allauth's check, which accepts links to every host of
        ALLOWED_HOSTS."""
        return url_has_allowed_host_and_scheme(url, {context.request.get_host()})

    def clean_username(self, username: str, shallow: bool = False) -> str:
        if username.lower().startswith(TOKEN_USERS):
            raise ValidationError(
                f"Names that begin with {TOKEN_USERS} are kept for tokens; "
                "choose another one."
            )
        return str(super().clean_username(username, shallow))

    def login(self, request: HttpRequest, user: User) -> None:
        super().login(request, user)
        # Somebody who has just signed in is not asked for the password again.
        record_authentication(request, user, method="sign_in", reauthenticated=True)
        adopt(request.session, user)
        audit(user, "sign in")

    def authenticate(self, request: HttpRequest, **credentials: Any) -> User | None:
        try:
            user: User | None = super().authenticate(request, **credentials)
        except TooMany as error:
            raise ValidationError(error.detail) from error
        return user

    def set_password(self, user: User, password: str) -> None:
        super().set_password(user, password)
        audit(user, "change password", user)
        # Anybody may add an address, so only a confirmed one belongs to the user.
        confirmed = EmailAddress.objects.filter(user=user, verified=True)
        for login in (user.username, *confirmed.values_list("email", flat=True)):
            forget_failures(login)

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        return reverse("page-account")

    def send_mail(self, template_prefix: str, email: str, context: Any) -> None:
        try:
            super().send_mail(template_prefix, email, context)
        except OSError as error:
            logger.error("an e-mail was not sent: %s", type(error).__name__)
            if template_prefix not in DISPENSABLE:
                raise Unavailable(
                    "The e-mail could not be sent; try again in a few minutes.", 60
                ) from error


class SocialAccountAdapter(DefaultSocialAccountAdapter):
    def list_apps(
        self,
        request: HttpRequest,
        provider: str | None = None,
        client_id: str | None = None,
    ) -> list[Any]:
        """Only the providers of the environment; rows in the database configure
        nothing."""
        apps = super().list_apps(request, provider, client_id)
        return [app for app in apps if app.pk is None]

    def on_authentication_error(
        self, request: HttpRequest, provider: Any, error: Any = None,
        exception: Exception | None = None, extra_context: Any = None,
    ) -> None:  # fmt: skip
        logger.warning(
            "signing in by %s failed: %s", provider, type(exception).__name__
        )
