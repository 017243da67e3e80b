"""Shows errors on pages: what went wrong, and what to do."""

from http import HTTPStatus

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string

from slmgen.errors import NotReady, SlmgenError, Wait
from slmgen.http.api_errors import STATUS, translated
from slmgen.http.middleware import Handler

PAGES = ("/app/", "/accounts/", "/admin/")
POLL_SECONDS = 2


class PageErrorsMiddleware:
    """Answers errors of page views, as `api_errors` does for the API."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)  # type: ignore[return-value]  # a response either way

    def process_exception(
        self, request: HttpRequest, error: Exception
    ) -> HttpResponse | None:
        if not request.path.startswith(PAGES):
            return None
        own = translated(error)
        if isinstance(own, NotReady):
            if request.method == "POST" and own.dataset_id:
                # The form was accepted; reloading its page would not show the result.
                return redirect("page-work", own.dataset_id)
            return wait_page(request, own)
        if isinstance(own, SlmgenError):
            return error_page(request, HTTPStatus(STATUS[type(own)]), own)
        return None


def error_page(
    request: HttpRequest, status: HTTPStatus, error: SlmgenError
) -> HttpResponse:
    context = {"status": status, "sentence": error.detail}
    response = render(request, "error.html", context, status=status)
    if isinstance(error, Wait):
        response["Retry-After"] = str(error.retry_after)
    return response


def wait_page(request: HttpRequest, error: NotReady) -> HttpResponse:
    """A page that reloads itself, without script."""
    context = {
        "sentence": error.detail,
        "seconds": POLL_SECONDS,
        "percent": error.percent,
        "dataset_id": error.dataset_id,
    }
    response = render(request, "wait.html", context, status=HTTPStatus.ACCEPTED)
    response["Refresh"] = str(POLL_SECONDS)
    response["Cache-Control"] = "no-store"
    return response


def bare_error_page(status: HTTPStatus, sentence: str) -> tuple[bytes, dict[str, str]]:
    """Body and headers of an error that is answered before Django sees the request."""
    body = render_to_string("error.html", {"status": status, "sentence": sentence})
    return body.encode(), {"content-type": "text/html; charset=utf-8"}
