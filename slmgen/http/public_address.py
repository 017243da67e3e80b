"""The public address of this server, for emails, notebooks and API responses.

Django checks the name in a Host header but accepts any port. A password reset requested
for another person would carry a link to a port of the attacker's choice.
"""

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.http.request import split_domain_port

from slmgen.http.middleware import Handler


def public_address(request: HttpRequest) -> str:
    """SLMGEN_PUBLIC_URL; else the host of the request, with a port that can be ours."""
    if settings.PUBLIC_URL:
        return str(settings.PUBLIC_URL)
    host = request.get_host()
    name, port = split_domain_port(host)
    if port and port != str(settings.PORT):
        # A proxy on another port requires SLMGEN_PUBLIC_URL.
        host = name if settings.SLMGEN_TRUSTED_PROXIES else f"{name}:{settings.PORT}"
    return f"{request.scheme}://{host}"


class PublicAddressMiddleware:
    """Makes every absolute URL of a request start with the public address, allauth's
    too."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        request.build_absolute_uri = _builder(request)  # type: ignore[method-assign]  # one place for all callers
        return self.get_response(request)


def _builder(request: HttpRequest) -> Any:
    build = request.build_absolute_uri

    def built(location: str | None = None) -> str:
        address = urlsplit(build(location))
        if address.netloc != request.get_host():
            return address.geturl()  # of another server
        own = urlsplit(public_address(request))
        return address._replace(scheme=own.scheme, netloc=own.netloc).geturl()

    return built
