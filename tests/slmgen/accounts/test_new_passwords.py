"""A new password leaves API tokens alone unless their holder wants them to end."""

import re

import pytest
from django.core import mail
from django.test import Client

from slmgen.audit.models import AuditEvent
from slmgen.identity.api_tokens import create_token
from slmgen.identity.models import ApiToken
from tests.slmgen.accounts.people import PASSWORD

pytestmark = pytest.mark.django_db

CHANGE = "/app/account/password/change/"
NEW = {"password1": "another-good-one", "password2": "another-good-one"}


def make_tokens(user, count):
    for n in range(count):
        create_token(user=user, name=f"CI {n}", scope="read", days=7)


def alive():
    return ApiToken.objects.alive().count()


def change(client, **more):
    return client.post(CHANGE, {"oldpassword": PASSWORD, **NEW, **more})


def reset_form(member):
    """The page that the link in the email leads to, and a browser that opened it."""
    client = Client()
    client.post("/app/account/password/reset/", {"email": member.email})
    link = re.search(r"http://testserver(\S+)", mail.outbox[-1].body)[1]
    return client, client.get(link, follow=True)


def checkbox(page):
    return re.search(r'<input type="checkbox"[^>]*name="revoke_tokens"[^>]*>', page)[0]


def test_the_page_says_how_many_tokens_there_are(client, member):
    make_tokens(member, 2)

    page = client.get(CHANGE).content.decode()

    assert "Also revoke your 2 API tokens" in page
    assert "checked" not in checkbox(page)


def test_without_tokens_nothing_is_asked(client, member, stranger):
    make_tokens(stranger, 1)

    assert "revoke_tokens" not in client.get(CHANGE).content.decode()


def test_a_change_keeps_the_tokens(client, member):
    make_tokens(member, 2)

    change(client)

    assert alive() == 2


def test_a_change_revokes_its_user_s_tokens_when_asked(client, member, stranger):
    make_tokens(member, 2)
    make_tokens(stranger, 1)

    change(client, revoke_tokens="on")

    assert list(ApiToken.objects.alive().values_list("user", flat=True)) == [
        stranger.pk
    ]


def test_a_refused_change_revokes_nothing(client, member):
    make_tokens(member, 2)

    client.post(CHANGE, {"oldpassword": "wrong", **NEW, "revoke_tokens": "on"})

    assert alive() == 2


def test_a_reset_by_email_offers_to_revoke_from_the_start(member):
    make_tokens(member, 1)

    _, page = reset_form(member)

    assert "Also revoke your 1 API token<" in page.content.decode()
    assert "checked" in checkbox(page.content.decode())


@pytest.mark.parametrize(("sent", "left"), [({"revoke_tokens": "on"}, 0), ({}, 1)])
def test_a_reset_by_email_revokes_what_was_asked(member, sent, left):
    make_tokens(member, 1)
    client, page = reset_form(member)

    client.post(page.request["PATH_INFO"], {**NEW, **sent})

    assert alive() == left


def test_what_is_done_is_recorded(client, member):
    make_tokens(member, 1)
    AuditEvent.objects.all().delete()

    change(client, revoke_tokens="on")

    events = AuditEvent.objects.order_by("id").values_list("actor_name", "action")
    assert list(events) == [("owner", "change password"), ("owner", "revoke")]
