import logging
import time
import uuid
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase

from slmgen.observability.logs import request_id_now
from slmgen.observability.metrics import METHODS, observe
from slmgen.observability.traces import Step, step

logger = logging.getLogger("slmgen.request")

Handler = Callable[[HttpRequest], HttpResponseBase]

# Nothing inline, nothing from other hosts; the browsable API needs inline styles.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
API_DOCS = "/docs/"
API_DOCS_POLICY = CONTENT_SECURITY_POLICY.replace(
    "style-src 'self'", "style-src 'self' 'unsafe-inline'"
)
# Set on every response.
SAFE_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
}
UNWATCHED = {"health", "metrics"}  # polled all the time by machines


class SafeHeadersMiddleware:
    """Security headers: a page loads from this server alone, and no cache keeps a
    copy."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        for name, value in SAFE_HEADERS.items():
            response.headers.setdefault(name, value)
        if request.path.startswith(API_DOCS):
            response["Content-Security-Policy"] = API_DOCS_POLICY
        # Responses hold personal data; those that may be cached say so themselves.
        response.headers.setdefault("Cache-Control", "no-store")
        return response


class RequestIdMiddleware:
    """Gives each request an id that its response and its log lines share."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        request_id = uuid.uuid4().hex
        request.META["slmgen.request_id"] = request_id
        token = request_id_now.set(request_id)
        started = time.perf_counter()
        try:
            with step("SERVER") as span:
                response = self.get_response(request)
                response["X-Request-ID"] = request_id
                _report(request, response, time.perf_counter() - started, span)
        finally:
            request_id_now.reset(token)
        return response


def _report(
    request: HttpRequest, response: HttpResponseBase, seconds: float, span: Step
) -> None:
    """Logs the route instead of the path: ids in paths are keys, queries hold user
    text."""
    match = request.resolver_match
    if request.path.startswith(settings.STATIC_URL):
        return
    if match is not None and match.url_name in UNWATCHED and response.status_code < 500:
        return
    route = f"/{match.route}" if match is not None else "no route"
    observe(request.method or "", route, response.status_code, seconds)
    _trace(request, response, route, span)
    milliseconds = round(1000 * seconds, 1)
    fields = {
        "method": request.method,
        "route": route,
        "status": response.status_code,
        "milliseconds": milliseconds,
    }
    level = logging.ERROR if response.status_code >= 500 else logging.INFO
    logger.log(
        level, "%s %s answered %s in %s ms", request.method, route,
        response.status_code, milliseconds, extra={"fields": fields},
    )  # fmt: skip


def _trace(
    request: HttpRequest, response: HttpResponseBase, route: str, span: Step
) -> None:
    method = request.method if request.method in METHODS else "_OTHER"
    span.name = f"{method} {route}"
    span.attributes = {
        "http.request.method": str(method),
        "http.route": route,
        "http.response.status_code": response.status_code,
        "slmgen.request_id": request_id(request),
    }
    if response.status_code >= 500:
        span.failure = str(response.status_code)


def request_id(request: HttpRequest) -> str:
    return str(request.META.get("slmgen.request_id", "unknown"))
