"""Limits guesses of passwords per account, for all ways to sign in together.

The limit is in the authentication backend, so the sign-in page, `POST /auth/token` and
everything that calls Django's `authenticate` share it.
"""

import time
from typing import Any

from allauth.account.auth_backends import AuthenticationBackend
from allauth.core.internal import ratelimit
from asgiref.sync import sync_to_async
from django.contrib.auth.models import AnonymousUser, User
from django.core.cache import cache
from django.http import HttpRequest

from slmgen.audit.services import audit
from slmgen.errors import TooMany

MAX_FAILURES = 5
WINDOW_SECONDS = 300
_LIMIT: dict[str, Any] = {
    "app": "slmgen.identity",
    "action": "password",
    "config": {"password": f"{MAX_FAILURES}/{WINDOW_SECONDS}s/key"},
}


class PasswordBackend(AuthenticationBackend):  # type: ignore[misc]  # allauth is not annotated for others
    """Refuses a locked account before looking whether the account exists."""

    def authenticate(
        self, request: HttpRequest | None, **credentials: Any
    ) -> User | None:
        login = str(credentials.get("username") or credentials.get("email") or "")
        # Counted before the comparison, so that guesses sent at the same time count
        # too.
        attempt = _begin(login)
        user: User | None = super().authenticate(request, **credentials)
        if user is None:
            audit(AnonymousUser(), "fail to sign in")
        else:
            attempt.rollback()
        return user

    async def aauthenticate(
        self, request: HttpRequest | None, **credentials: Any
    ) -> User | None:
        # Django's own version checks the password itself, without the limit.
        return await sync_to_async(self.authenticate)(request, **credentials)


def forget_failures(login: str) -> None:
    """For an account whose owner has just replaced the password."""
    ratelimit.clear(None, key=_key(login), **_LIMIT)


def _begin(login: str) -> ratelimit.RateLimitUsage:
    attempt = ratelimit.consume(None, key=_key(login), limit_get=True, **_LIMIT)
    if attempt is None:
        seconds = _seconds_left(login)
        raise TooMany(
            "Too many wrong passwords for this account; try again in "
            f"{seconds} seconds.",
            seconds,
        )
    return attempt


def _seconds_left(login: str) -> int:
    """Until the oldest of the counted failures expires."""
    (rate,) = ratelimit.get_rates(**_LIMIT)
    counted = {name: _LIMIT[name] for name in ("app", "action")}
    name = ratelimit.get_cache_key(None, rate=rate, key=_key(login), **counted)
    history = cache.get(name) or [time.time() - WINDOW_SECONDS]
    return max(1, int(history[-1] + WINDOW_SECONDS - time.time()) + 1)


def _key(login: str) -> str:
    # Databases compare names in upper case, where "ı" is an "I" too.
    return login.strip().upper()
