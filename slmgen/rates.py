"""How often somebody may ask: a user by account, everybody else by address.

Counts are kept in Django's cache, which all processes of a server share.
"""

import logging
from ipaddress import IPv6Address, ip_address, ip_network
from time import time
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.cache import cache
from django.db import DatabaseError
from django.http import HttpRequest
from redis.exceptions import RedisError
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from slmgen.errors import TooMany

if TYPE_CHECKING:  # views read these settings, and the settings name this module
    from rest_framework.views import APIView

logger = logging.getLogger("slmgen.rates")

WINDOW_SECONDS = 60
IPV6_NETWORK = 64  # what one customer is given: more addresses than could be counted
SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}
WITHOUT_LIMIT = {"health", "metrics"}
# Routes whose writing requests cost more than others.
UPLOADS = {"upload", "page-start", "mapping", "page-columns", "repairs", "page-repair"}
NOTEBOOKS = {"generate", "plan", "page-training", "page-compare"}


def address_of(request: HttpRequest) -> str:
    """The client's address: what the outermost known proxy says, if there are any."""
    address = str(request.META.get("REMOTE_ADDR", ""))
    proxies = settings.SLMGEN_TRUSTED_PROXIES
    forwarded = request.META.get("HTTP_X_FORWARDED_FOR")
    if proxies and forwarded:
        named = [part.strip() for part in forwarded.split(",")]
        address = named[-min(proxies, len(named))]
    return address


def network_of(address: str) -> str:
    """What is counted as one client."""
    try:
        found = ip_address(address)
    except ValueError:
        return "unknown"
    if isinstance(found, IPv6Address):
        return str(ip_network((found, IPV6_NETWORK), strict=False))
    return str(found)


def check(request: HttpRequest) -> None:
    """Counts the request. Raises TooMany when there were too many of its kind."""
    match = request.resolver_match
    route = match.url_name if match is not None else None
    if not settings.SLMGEN_RATE_LIMITS or route in WITHOUT_LIMIT:
        return
    _count_for(request, _kind(route, request.method or ""))


def check_costly(request: HttpRequest) -> None:
    """Counts a request that reads, and that begins work as an upload does."""
    if settings.SLMGEN_RATE_LIMITS:
        _count_for(request, "uploads")


def _count_for(request: HttpRequest, kind: str) -> None:
    limit = settings.SLMGEN_RATES[kind]
    user = request.user
    if user.is_authenticated:
        _count(kind, f"user-{user.pk}", limit)
    else:
        _count(kind, network_of(address_of(request)), max(limit // 2, 1))


def _kind(route: str | None, method: str) -> str:
    if method in SAFE_METHODS:
        return "requests"
    if route in UPLOADS:
        return "uploads"
    return "notebooks" if route in NOTEBOOKS else "requests"


def _count(kind: str, who: str, limit: int) -> None:
    window, seconds = divmod(time(), WINDOW_SECONDS)
    try:
        so_far = count(f"rate:{kind}:{who}:{window:.0f}")
    except (DatabaseError, RedisError):
        # Whoever needs it will say so; the others are served.
        logger.exception("requests cannot be counted")
        return
    if so_far > limit:
        left = int(WINDOW_SECONDS - seconds) + 1
        raise TooMany(
            f"More than {limit:,} {kind} within a minute are too many; try again in "
            f"{left} second{'s' if left > 1 else ''}.",
            left,
        )


def count(key: str) -> int:
    """How often this was called with `key`, which must end with its time."""
    counted = getattr(cache, "count", None)
    if counted is not None:
        return int(counted(key, 2 * WINDOW_SECONDS))
    cache.add(key, 0, 2 * WINDOW_SECONDS)
    return cache.incr(key)


def check_refusals(request: HttpRequest) -> None:
    """Counts an answer 401. Raises TooMany when this address got too many."""
    if settings.SLMGEN_RATE_LIMITS:
        limit = settings.SLMGEN_RATES["refusals"]
        _count("refusals", network_of(address_of(request)), limit)


class ApiRates(BaseThrottle):
    """For the API, where the view knows who is asking."""

    def allow_request(self, request: Request, view: "APIView") -> bool:
        check(request)
        return True
