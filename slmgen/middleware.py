import logging
import uuid
from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase

logger = logging.getLogger("slmgen.request")

Handler = Callable[[HttpRequest], HttpResponseBase]

# Nothing inline, nothing from anywhere else; the browsable API brings inline styles.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
API_DOCS = "/docs/"
API_DOCS_POLICY = CONTENT_SECURITY_POLICY.replace(
    "style-src 'self'", "style-src 'self' 'unsafe-inline'"
)


class ContentSecurityPolicyMiddleware:
    """A page may load what this server serves, and nothing else."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        docs = request.path.startswith(API_DOCS)
        response["Content-Security-Policy"] = (
            API_DOCS_POLICY if docs else CONTENT_SECURITY_POLICY
        )
        return response


class RequestIdMiddleware:
    """Gives each request an id that its answer and its log lines share."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        request_id = uuid.uuid4().hex
        request.META["slmgen.request_id"] = request_id
        response = self.get_response(request)
        response["X-Request-ID"] = request_id
        if response.status_code >= 500:
            logger.error("request %s answered %s", request_id, response.status_code)
        return response


def request_id(request: HttpRequest) -> str:
    return str(request.META.get("slmgen.request_id", "unknown"))
