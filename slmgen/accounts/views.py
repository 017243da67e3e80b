from http import HTTPStatus
from typing import cast

from allauth.account.adapter import get_adapter
from allauth.account.decorators import reauthentication_required
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import (
    require_http_methods,
    require_POST,
    require_safe,
)

from slmgen.accounts.adapters import NEW_TOKEN
from slmgen.accounts.deletion import delete_account
from slmgen.accounts.export import export
from slmgen.accounts.forms import AccountDeletionForm, TokenForm
from slmgen.errors import InvalidInput
from slmgen.http.streaming import Streamed
from slmgen.identity import api_tokens


@require_safe
@never_cache
@login_required
def account(request: HttpRequest) -> HttpResponse:
    return render(request, "accounts/account.html")


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@login_required
def tokens(request: HttpRequest) -> HttpResponse:
    """Lists tokens, and creates one: that response is the only one that shows it."""
    if request.method == "POST":
        made: HttpResponse = _create_token(request)
        return made
    return _tokens_page(request, TokenForm())


@reauthentication_required  # type: ignore[untyped-decorator]  # of allauth
def _create_token(request: HttpRequest) -> HttpResponse:
    """Asks for the password again, because a token outlives the session."""
    form = TokenForm(request.POST)
    if not form.is_valid():
        return _tokens_page(request, form, status=HTTPStatus.BAD_REQUEST)
    try:
        user = cast("User", request.user)
        row, token = api_tokens.create_token(user=user, **form.cleaned_data)
    except InvalidInput as error:
        form.add_error(None, error.detail)
        return _tokens_page(request, form, status=HTTPStatus.BAD_REQUEST)
    get_adapter().send_notification_mail(NEW_TOKEN, user, {"token": row})
    return _tokens_page(request, TokenForm(), token, HTTPStatus.CREATED)


def _tokens_page(
    request: HttpRequest,
    form: TokenForm,
    made: str = "",
    status: HTTPStatus = HTTPStatus.OK,
) -> HttpResponse:
    known = api_tokens.tokens_of(cast("User", request.user))
    context = {"form": form, "tokens": known, "made": made}
    return render(request, "accounts/tokens.html", context, status=status)


@require_POST
@login_required
def revoke_token(request: HttpRequest, token_id: int) -> HttpResponse:
    row = api_tokens.find_token(token_id, user=cast("User", request.user))
    api_tokens.revoke(row, by=request.user)
    messages.success(request, "The token is revoked; nothing can use it any more.")
    return redirect("page-tokens")


@require_safe
@never_cache
@login_required
def export_data(request: HttpRequest) -> Streamed:
    name = f"slmgen-{timezone.now():%Y-%m-%d}.zip"
    return Streamed(
        export(cast("User", request.user)),
        content_type="application/zip",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@login_required
def delete(request: HttpRequest) -> HttpResponse:
    sent = (request.POST,) if request.method == "POST" else ()
    form = AccountDeletionForm(request, *sent)
    if not form.is_valid():
        status = HTTPStatus.BAD_REQUEST if form.is_bound else HTTPStatus.OK
        return render(request, "accounts/delete.html", {"form": form}, status=status)
    delete_account(form.user, by=request.user)
    logout(request)
    messages.success(request, "Your account and everything in it is deleted.")
    return redirect("page-start")
