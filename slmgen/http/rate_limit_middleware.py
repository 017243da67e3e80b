from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse

from slmgen.errors import TooMany
from slmgen.http import rate_limits
from slmgen.http.clients import client_now
from slmgen.http.error_pages import PAGES, error_page
from slmgen.http.middleware import Handler


class RatesMiddleware:
    """Limits requests for pages, and clients that get 401 again and again on any path.
    Sets `client_now`, which says whose limits costly work in this request counts for.
    """

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        token = client_now.set(rate_limits.client_of(request))
        try:
            response = self.get_response(request)
        finally:
            client_now.reset(token)
        if response.status_code != HTTPStatus.UNAUTHORIZED:
            return response
        try:
            rate_limits.check_refusals(request)
        except TooMany as error:
            return _too_many(request, error)
        return response

    def process_view(
        self, request: HttpRequest, view: Any, args: Any, kwargs: Any
    ) -> HttpResponse | None:
        if not request.path.startswith(PAGES):
            return None
        try:
            rate_limits.check(request)
        except TooMany as error:
            return _too_many(request, error)
        return None


def _too_many(request: HttpRequest, error: TooMany) -> HttpResponse:
    if request.path.startswith(PAGES):
        return error_page(request, HTTPStatus.TOO_MANY_REQUESTS, error)
    response = JsonResponse({"detail": error.detail}, status=429)
    response["Retry-After"] = str(error.retry_after)
    return response
