"""What outlives a session is made by who has just given the password, and reported."""

import re
import time

import pytest
from allauth.account.models import EmailAddress
from django.core import mail

from slmgen.identity.models import ApiToken
from tests.slmgen.accounts.people import PASSWORD, sign_up

pytestmark = pytest.mark.django_db

TOKENS = "/app/account/tokens/"
NEW = {"name": "night build", "scope": "write", "days": "30"}
RECENT_SECONDS = 15 * 60


@pytest.fixture
def later(monkeypatch):
    real = time.time

    def move(seconds):
        monkeypatch.setattr(time, "time", lambda: real() + seconds)

    return move


def test_an_old_session_makes_no_token(client, member, later):
    later(RECENT_SECONDS + 1)

    answer = client.post(TOKENS, NEW)

    assert answer["Location"].startswith("/app/account/reauthenticate/?next=")
    assert ApiToken.objects.count() == 0
    assert client.get(TOKENS).status_code == 200


def test_an_old_session_adds_no_address(client, member, later):
    later(RECENT_SECONDS + 1)
    form = {"action_add": "", "email": "eve@example.org"}

    answer = client.post("/app/account/email/", form)

    assert answer["Location"].startswith("/app/account/reauthenticate/")
    assert not EmailAddress.objects.filter(email="eve@example.org").exists()


def test_the_password_finishes_what_was_begun(client, member, later):
    later(RECENT_SECONDS + 1)
    asked = client.post(TOKENS, NEW)["Location"]

    answer = client.post(asked, {"password": PASSWORD, "next": TOKENS})

    assert re.search("slm_pat_", answer.content.decode())
    assert ApiToken.objects.get().name == "night build"
    assert client.post(TOKENS, NEW).status_code == 201


def test_a_wrong_password_finishes_nothing(client, member, later):
    later(RECENT_SECONDS + 1)
    asked = client.post(TOKENS, NEW)["Location"]

    page = client.post(asked, {"password": "wrong", "next": TOKENS}).content.decode()

    assert "id_password_error" in page
    assert ApiToken.objects.count() == 0


def test_who_has_just_signed_in_or_up_is_not_asked(client, member):
    assert client.post(TOKENS, NEW).status_code == 201

    client.post("/app/account/logout/")
    sign_up(client)
    assert client.post(TOKENS, NEW).status_code == 201


def test_who_has_no_password_is_not_asked(client, owner):
    owner.set_unusable_password()
    owner.save()
    client.force_login(owner)

    assert client.post(TOKENS, NEW).status_code == 201


def test_a_new_token_is_reported_by_email(client, member):
    answer = client.post(TOKENS, NEW)

    (token,) = re.findall(r"slm_pat_\w+", answer.content.decode())
    letter = mail.outbox[-1]
    assert (letter.to, letter.subject) == (
        ["owner@example.org"], "[SLMGEN] API token created",
    )  # fmt: skip
    assert '"night build" (read and write), valid until' in letter.body
    assert token not in letter.body


def test_a_token_is_made_where_no_email_can_be_sent(client, member, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9

    assert client.post(TOKENS, NEW).status_code == 201
