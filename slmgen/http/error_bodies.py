import json
from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from slmgen.http.error_pages import PAGES
from slmgen.http.middleware import Handler

JSON = "application/json"


class ErrorBodiesMiddleware:
    """Errors outside the pages become `{"detail": "<one sentence>"}`, also those that
    none of our views raised, such as Django's 405."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if response.status_code < 400 or request.path.startswith(PAGES):
            return response
        if isinstance(response, HttpResponse) and not _is_json(response):
            sentence = _sentence(request, response)
            response.content = json.dumps({"detail": sentence}, ensure_ascii=False)
            response["Content-Type"] = JSON
            del response["Content-Length"]
        return response


def _is_json(response: HttpResponse) -> bool:
    return response.get("Content-Type", "").startswith(JSON)


def _sentence(request: HttpRequest, response: HttpResponse) -> str:
    data: Any = getattr(response, "data", None)  # of a REST framework response
    if isinstance(data, dict) and "detail" in data:
        return str(data["detail"])
    if response.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        return (
            f'Method "{request.method}" not allowed; expected '
            f"{response.get('Allow', 'another')}."
        )
    return f"{HTTPStatus(response.status_code).phrase}; see /docs/api/."
