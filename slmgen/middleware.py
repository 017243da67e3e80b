import logging
import uuid
from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase

logger = logging.getLogger("slmgen.request")

Handler = Callable[[HttpRequest], HttpResponseBase]


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
