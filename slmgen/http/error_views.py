"""Error handlers for what none of our views raised: a page or JSON."""

from http import HTTPStatus

from django.http import HttpRequest, HttpResponse, JsonResponse

from slmgen.errors import SlmgenError
from slmgen.http.error_pages import PAGES, error_page
from slmgen.http.middleware import request_id

SECONDS_OF_PATIENCE = 300


def _error(request: HttpRequest, status: HTTPStatus, sentence: str) -> HttpResponse:
    if request.path.startswith(PAGES):
        return error_page(request, status, SlmgenError(sentence))
    return JsonResponse({"detail": sentence}, status=status)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    sentence = "The request is malformed: check its host, headers and form data."
    return _error(request, HTTPStatus.BAD_REQUEST, sentence)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    sentence = "There is nothing at this address; see /docs/api/ for those that exist."
    if request.path.startswith(PAGES):
        sentence = "There is nothing at this address."
    return _error(request, HTTPStatus.NOT_FOUND, sentence)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _error(request, HTTPStatus.FORBIDDEN, "This is not allowed.")


def too_many_requests(request: HttpRequest) -> HttpResponse:
    """Called by allauth, whose limits all end within minutes."""
    sentence = "That was tried too often; wait a few minutes and try again."
    response = _error(request, HTTPStatus.TOO_MANY_REQUESTS, sentence)
    response["Retry-After"] = str(SECONDS_OF_PATIENCE)
    return response


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    sentence = "This form has expired. Go back, load the page again, and send it again."
    return _error(request, HTTPStatus.FORBIDDEN, sentence)


def server_error(request: HttpRequest) -> HttpResponse:
    sentence = (
        "Something went wrong on our side and was logged; "
        f"quote request {request_id(request)} when you report it."
    )
    return _error(request, HTTPStatus.INTERNAL_SERVER_ERROR, sentence)
