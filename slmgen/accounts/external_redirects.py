"""The page between this server and the one that signs a user in.

The content security policy lets forms lead to this server alone, and browsers apply
that to redirects after a form too. A page with a link may lead elsewhere, and shows
where before anything is sent there.
"""

from http import HTTPStatus
from urllib.parse import urlsplit

from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.utils.http import url_has_allowed_host_and_scheme

from slmgen.http.middleware import Handler

ACCOUNT = "/app/account/"


class ExternalRedirectMiddleware:
    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if request.method != "POST" or not request.path.startswith(ACCOUNT):
            return response
        if not isinstance(response, HttpResponseRedirect):
            return response
        if url_has_allowed_host_and_scheme(response.url, {request.get_host()}):
            return response
        return _leaving_page(request, response.url)


def _leaving_page(request: HttpRequest, url: str) -> HttpResponseBase:
    context = {"url": url, "host": urlsplit(url).netloc}
    page = render(request, "accounts/leaving.html", context, status=HTTPStatus.OK)
    page["Refresh"] = f"0; url={url}"
    page["Cache-Control"] = "no-store"
    return page
