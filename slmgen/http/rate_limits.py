"""Rate limits: per account for users, per address for everybody else.

Uploads, notebooks and refusals are counted in the cache that all processes share. Plain
requests are counted in the process's memory, so that reading never waits for a write to
the database; with Redis they too are counted by all processes together.
"""

import logging
from time import time
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.cache import caches
from django.core.cache.backends.base import BaseCache
from django.db import DatabaseError
from django.http import HttpRequest
from redis.exceptions import RedisError
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from slmgen.db.counting_cache import SharedCache
from slmgen.errors import TooMany
from slmgen.http import view_limits
from slmgen.http.clients import address_of, network_of

if TYPE_CHECKING:  # views read these settings, and the settings name this module
    from rest_framework.views import APIView

logger = logging.getLogger("slmgen.http.rate_limits")

WINDOW_SECONDS = 60
CACHES = {
    "requests": "requests", "uploads": "default", "notebooks": "default",
    "refusals": "default",
}  # fmt: skip


def client_of(request: HttpRequest) -> str:
    peer = str(request.META.get("REMOTE_ADDR", ""))
    return network_of(address_of(peer, request.META.get("HTTP_X_FORWARDED_FOR")))


def check(request: HttpRequest) -> None:
    """Counts a request. Raises TooMany when there were too many of its kind."""
    match = request.resolver_match
    kind = view_limits.count_of(match.func) if match is not None else "requests"
    if settings.SLMGEN_RATE_LIMITS and kind:
        is_safe = request.method in SAFE_METHODS
        _count_for(request, "requests" if is_safe else kind)


def check_costly(request: HttpRequest) -> None:
    """Counts a request that reads, but starts as much work as an upload does."""
    if settings.SLMGEN_RATE_LIMITS:
        _count_for(request, "uploads")


def _count_for(request: HttpRequest, kind: str) -> None:
    limit = settings.SLMGEN_RATES[kind]
    user = request.user
    if user.is_authenticated:
        _count(kind, f"user-{user.pk}", limit)
    else:
        _count(kind, client_of(request), max(limit // 2, 1))


def _count(kind: str, who: str, limit: int) -> None:
    window, seconds = divmod(time(), WINDOW_SECONDS)
    try:
        so_far = count(caches[CACHES[kind]], f"rate:{kind}:{who}:{window:.0f}")
    except (DatabaseError, RedisError):
        # The cache is down: code that needs it raises; all other requests are served.
        logger.exception("requests cannot be counted")
        return
    if so_far > limit:
        left = int(WINDOW_SECONDS - seconds) + 1
        raise TooMany(
            f"More than {limit:,} {kind} within a minute are too many; try again in "
            f"{left} second{'s' if left > 1 else ''}.",
            left,
        )


def count(cache: BaseCache, key: str) -> int:
    """Adds a call for `key`, which must end with its time window; returns their
    number."""
    if isinstance(cache, SharedCache):
        return cache.count(key, 2 * WINDOW_SECONDS)
    cache.add(key, 0, 2 * WINDOW_SECONDS)
    return cache.incr(key)


def check_refusals(request: HttpRequest) -> None:
    """Counts a 401. Raises TooMany when this address got too many of them."""
    if settings.SLMGEN_RATE_LIMITS:
        limit = settings.SLMGEN_RATES["refusals"]
        _count("refusals", client_of(request), limit)


class ApiRates(BaseThrottle):
    """Throttle of the API, where the view knows the user."""

    def allow_request(self, request: Request, view: "APIView") -> bool:
        check(request)
        return True
