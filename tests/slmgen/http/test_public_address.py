"""No request chooses where a letter, a notebook or an answer leads."""

import re

import pytest
from django.core import mail

from jobs.models import Job
from slmgen import env
from tests.factories import make_dataset

pytestmark = pytest.mark.django_db

FOREIGN = {"HTTP_HOST": "localhost:6666"}
OURS = "http://localhost:8000"
PUBLIC = "https://slmgen.example.org:8443"


@pytest.fixture(autouse=True)
def _port(settings):
    settings.PORT = 8000
    settings.PUBLIC_URL = ""
    settings.SLMGEN_TRUSTED_PROXIES = 0


def addresses_in_letters():
    text = "\n".join(letter.body for letter in mail.outbox)
    return {found[0] for found in re.finditer(r"https?://[^/\s]+", text)}


def every_kind_of_letter(client, owner, **host):
    """Resets, with and without an account; sign-up with a taken and a new address."""
    owner.email = "owner@example.org"
    owner.save()
    for email in (owner.email, "nobody@example.org"):
        client.post("/app/account/password/reset/", {"email": email}, **host)
    for number, email in enumerate((owner.email, "ada@example.org")):
        client.logout()
        password = dict.fromkeys(("password1", "password2"), "a-long-pass-phrase")
        form = {"username": f"ada{number}", "email": email, **password}
        client.post("/app/account/signup/", form, **host)
    assert len(mail.outbox) == 4


def test_a_letter_leads_to_the_port_of_this_server(client, owner):
    every_kind_of_letter(client, owner, **FOREIGN)

    assert addresses_in_letters() == {OURS}


def test_a_letter_leads_to_the_public_address_where_there_is_one(
    client, owner, settings
):
    settings.PUBLIC_URL = PUBLIC

    every_kind_of_letter(client, owner, **FOREIGN)

    assert addresses_in_letters() == {PUBLIC}


@pytest.mark.parametrize(
    ("host", "proxies", "address"),
    [
        ("localhost", 0, "http://localhost"),
        ("localhost:8000", 0, OURS),
        ("localhost:6666", 0, OURS),
        ("[::1]:6666", 0, "http://[::1]:8000"),
        ("localhost:6666", 1, "http://localhost"),
        ("localhost:8000", 1, OURS),
    ],
)
def test_answers_name_a_port_that_can_be_ours(
    client, owner, settings, host, proxies, address
):
    settings.SLMGEN_TRUSTED_PROXIES = proxies
    dataset = make_dataset(owner=owner)
    job = Job.objects.create(owner=owner, dataset=dataset)
    client.force_login(owner)

    page = client.get(f"/app/datasets/{dataset.id}/", HTTP_HOST=host)
    token = client.post(f"/app/jobs/{job.id}/secret/", HTTP_HOST=host)

    assert f"{address}/" in page.content.decode()
    assert f"{address}/training/events" in token.content.decode()
    assert ":6666" not in (page.content + token.content).decode()


@pytest.mark.parametrize(
    "value",
    ["slmgen.example.org", "ftp://a.example.org", "https://a.example.org/x",
     "https://a.example.org:port", "https://me@a.example.org", "https://"],
)  # fmt: skip
def test_a_public_address_that_is_none_stops_the_start(monkeypatch, value):
    monkeypatch.setenv("SLMGEN_X", value)

    with pytest.raises(env.ImproperlyConfigured, match="SLMGEN_X is "):
        env.origin("SLMGEN_X")


def test_a_public_address_is_taken_as_it_is(monkeypatch):
    monkeypatch.setenv("SLMGEN_X", f"{PUBLIC}/")

    assert env.origin("SLMGEN_X") == PUBLIC
