"""Every page of accounts: who may open it, and that it is one of ours."""

import pytest
from django.test import Client
from django.urls import get_resolver

from slmgen.http.middleware import CONTENT_SECURITY_POLICY
from tests.slmgen.accounts.people import sign_in

pytestmark = pytest.mark.django_db

OPEN = {"nobody": 200, "member": 200}
ENTRANCE = {"nobody": 200, "member": 302}  # whoever is in is sent on
OWN = {"nobody": 302, "member": 200}
PASSING = {"nobody": 302, "member": 302}
REFUSED = {"nobody": 401, "member": 401}
FORM_ONLY = {"nobody": 405, "member": 405}
MATRIX = [
    ("page-account", "", OWN),
    ("page-tokens", "tokens/", OWN),
    ("page-revoke-token", "tokens/1/revoke/", FORM_ONLY),
    ("page-export-data", "export/", OWN),
    ("page-delete-account", "delete/", OWN),
    ("account_login", "login/", ENTRANCE),
    ("account_signup", "signup/", ENTRANCE),
    ("account_logout", "logout/", {"nobody": 302, "member": 200}),
    ("account_inactive", "inactive/", OPEN),
    ("account_reauthenticate", "reauthenticate/", OWN),
    ("account_email", "email/", OWN),
    ("account_email_verification_sent", "confirm-email/", OPEN),
    ("account_confirm_email", "confirm-email/x/", OPEN),
    ("account_change_password", "password/change/", OWN),
    ("account_set_password", "password/set/", PASSING),
    ("account_reset_password", "password/reset/", OPEN),
    ("account_reset_password_done", "password/reset/done/", OPEN),
    ("account_reset_password_from_key", "password/reset/key/1-x/", OPEN),
    ("account_reset_password_from_key_done", "password/reset/key/done/", OPEN),
    ("account_confirm_login_code", "login/code/confirm/", PASSING),
    ("socialaccount_connections", "connections/", OWN),
    ("socialaccount_login_cancelled", "connections/login/cancelled/", OPEN),
    ("socialaccount_login_error", "connections/login/error/", REFUSED),
    ("socialaccount_signup", "connections/signup/", PASSING),
]


def route_names(patterns):
    for pattern in patterns:
        if hasattr(pattern, "url_patterns"):
            yield from route_names(pattern.url_patterns)
        else:
            yield pattern.name


def test_every_address_of_accounts_has_a_row():
    pages = next(p for p in get_resolver().url_patterns if str(p.pattern) == "app/")
    account = next(p for p in pages.url_patterns if str(p.pattern) == "account/")

    assert sorted(route_names([account])) == sorted(row[0] for row in MATRIX)


@pytest.mark.parametrize("who", ["nobody", "member"])
@pytest.mark.parametrize(("name", "path", "expected"), MATRIX)
def test_access(client, owner, name, path, expected, who):
    if who == "member":
        sign_in(client)

    answer = client.get(f"/app/account/{path}")

    assert answer.status_code == expected[who]


PAGES = [
    (path, who)
    for _, path, expected in MATRIX
    for who in ("nobody", "member")
    if expected[who] in {200, 401} and path != "export/"
]


@pytest.mark.parametrize(("path", "who"), PAGES)
def test_every_page_is_in_our_design_and_loads_nothing(client, owner, path, who):
    if who == "member":
        sign_in(client)

    answer = client.get(f"/app/account/{path}")

    assert answer["Content-Security-Policy"] == CONTENT_SECURITY_POLICY
    page = answer.content.decode()
    assert "/static/css/slmgen.css" in page
    assert page.count("<h1") == 1
    assert "<script" not in page
    assert " style=" not in page
    assert "http://" not in page.replace("http://testserver", "")
    assert "https://" not in page


def test_the_header_says_who_one_is(client, owner):
    start = client.get("/app/?a=1").content.decode()
    assert '<a href="/app/account/login/?next=%2Fapp%2F%3Fa%3D1">Sign in</a>' in start

    sign_in(client)

    start = client.get("/app/").content.decode()
    assert '<a href="/app/account/">Account</a>' in start
    assert '<a href="/app/account/logout/">Sign out</a>' in start
    assert "Sign in<" not in start


def test_who_has_no_password_may_choose_one(owner):
    owner.set_unusable_password()
    owner.save()
    client = Client()
    client.force_login(owner)

    new = {"password1": "correct-horse-9", "password2": "correct-horse-9"}
    assert (
        "Choose a password" in client.get("/app/account/password/set/").content.decode()
    )
    client.post("/app/account/password/set/", new)

    owner.refresh_from_db()
    assert owner.check_password("correct-horse-9")
