import re
import uuid

import jwt
import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.core.cache import cache
from django.db import IntegrityError
from django.test import Client

from slmgen.identity import checks, services, tokens
from slmgen.identity.models import Identity
from tests.slmgen.identity.conftest import SUBJECT
from tests.slmgen.identity.test_hostile_tokens import ask

pytestmark = pytest.mark.django_db

NEW = "another-good-one"


@pytest.fixture(autouse=True)
def _no_memory_of_tries():
    cache.clear()


def trade(client, username="owner", password="owner-password"):
    body = {"username": username, "password": password}
    return client.post("/auth/token", body, content_type="application/json")


def test_a_password_is_traded_for_a_token_that_is_accepted(client, owner):
    response = trade(client)

    assert response.status_code == 200
    body = response.json()
    assert (body["token_type"], body["expires_in"]) == ("bearer", 3600)
    assert ask(body["access_token"]).data == {"user": "owner"}


def test_two_tokens_speak_of_one_identity(client, owner):
    trade(client)
    trade(client)

    assert Identity.objects.count() == 1


@pytest.mark.parametrize(("username", "password"), [("owner", "x"), ("nobody", "x")])
def test_a_wrong_password_is_401(client, owner, username, password):
    response = trade(client, username, password)

    assert response.status_code == 401
    assert response["WWW-Authenticate"] == 'Bearer realm="slmgen"'
    assert response.json() == {"detail": "The username or the password is wrong."}


def test_guessing_from_one_address_is_slowed_down(client, owner):
    answers = [trade(client, f"name-{n}", "x").status_code for n in range(11)]

    assert answers == [401] * 10 + [429]
    assert int(trade(client)["Retry-After"]) > 0


def test_a_server_with_supabase_issues_none(client, owner, settings):
    settings.SUPABASE_URL = "https://abc.supabase.co"

    assert trade(client).status_code == 404


def test_own_tokens_end_when_supabase_is_configured(client, owner, settings):
    token = trade(client).json()["access_token"]
    settings.SUPABASE_JWT_SECRET = "s" * 40

    assert ask(token).status_code == 401


def test_a_token_dies_with_the_secret_key(client, owner, settings):
    token = trade(client).json()["access_token"]
    settings.SECRET_KEY = "another" * 10

    assert ask(token).status_code == 401


def change_on_the_page(user):
    client = Client()
    client.force_login(user)
    form = {"oldpassword": "owner-password", "password1": NEW, "password2": NEW}
    assert client.post("/app/account/password/change/", form).status_code == 302


def reset_by_email(user):
    user.email = "owner@example.org"
    user.save(update_fields=["email"])
    client = Client()
    client.post("/app/account/password/reset/", {"email": user.email})
    link = re.search(r"http://testserver(\S+)", mail.outbox[0].body)[1]
    form = client.get(link, follow=True)
    new = {"password1": NEW, "password2": NEW}
    assert client.post(form.request["PATH_INFO"], new).status_code == 302


def set_in_the_admin(user):
    client = Client()
    client.force_login(User.objects.create_superuser("admin"))
    form = {"password1": NEW, "password2": NEW, "usable_password": "true"}
    address = f"/admin/auth/user/{user.pk}/password/"
    assert client.post(address, form).status_code == 302


def set_by_code(user):
    user.set_password(NEW)
    user.save()


@pytest.mark.parametrize(
    "replace", [change_on_the_page, reset_by_email, set_in_the_admin, set_by_code]
)
def test_a_new_password_ends_the_tokens_of_the_old_one(client, owner, replace):
    token = trade(client).json()["access_token"]
    assert ask(token).status_code == 200

    replace(owner)

    assert ask(token).status_code == 401
    assert ask(trade(client, password=NEW).json()["access_token"]).status_code == 200


def test_a_token_reveals_nothing_of_the_password(client, owner):
    token = trade(client).json()["access_token"]

    claims = jwt.decode(token, options={"verify_signature": False})

    assert re.fullmatch(r"[0-9a-f]{32}", claims["password_version"])
    assert claims["password_version"] not in owner.password
    assert claims["password_version"] not in owner.get_session_auth_hash()


def test_two_first_visits_at_once_make_one_user(monkeypatch):
    claims = tokens.Claims("issuer", uuid.UUID(SUBJECT))
    create = services._create

    def overtaken(seen):
        create(seen)
        raise IntegrityError

    monkeypatch.setattr(services, "_create", overtaken)

    user = services.user_for(claims)

    assert user == Identity.objects.get().user
    assert User.objects.count() == 1


CONFIGURATIONS = {
    "identity.E001": {"SLMGEN_JWT_MODE": "none"},
    "identity.E002": {"SLMGEN_JWT_MODE": "hs256"},
    "identity.E003": {"SLMGEN_JWT_MODE": "jwks"},
    "identity.E004": {"SUPABASE_JWT_SECRET": sorted(checks.PUBLIC_SECRETS)[1]},
    "identity.E005": {"SUPABASE_JWT_SECRET": "short"},
    "identity.E006": {"SUPABASE_URL": "http://abc.supabase.co"},
}


@pytest.mark.parametrize("code", CONFIGURATIONS)
def test_an_unsafe_configuration_stops_the_start(settings, code):
    for name, value in CONFIGURATIONS[code].items():
        setattr(settings, name, value)

    assert [error.id for error in checks.tokens_are_configured_safely()] == [code]


def test_nothing_configured_is_safe():
    assert checks.tokens_are_configured_safely() == []
