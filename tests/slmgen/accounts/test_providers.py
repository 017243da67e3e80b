"""Signing in by another server, over real HTTP, as the environment configures it."""

import html
import re
import subprocess
import sys

import httpx
import pytest
from django.core.exceptions import ImproperlyConfigured

from slmgen.accounts.providers import GitHub, OpenIDConnect, configured
from tests.conftest import REPO, started
from tests.slmgen.accounts.people import SIGNUP
from tests.slmgen.accounts.provider import CLIENT, SECRET, Provider

GITHUB = {"id": 7, "login": "octo", "name": "Octo Cat", "html_url": "", "email": None}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """The product with a provider of both kinds beside it."""
    provider = Provider()
    variables = {
        "SLMGEN_OIDC_ISSUER": provider.url,
        "SLMGEN_OIDC_CLIENT_ID": CLIENT,
        "SLMGEN_OIDC_CLIENT_SECRET": SECRET,
        "SLMGEN_OIDC_NAME": "House <login>",
        "SLMGEN_GITHUB_CLIENT_ID": CLIENT,
        "SLMGEN_GITHUB_CLIENT_SECRET": SECRET,
        "SLMGEN_GITHUB_URL": provider.url,
    }
    with started(tmp_path_factory.mktemp("var"), **variables) as (port, environment):
        yield provider, f"http://localhost:{port}", environment
    provider.close()


@pytest.fixture
def provider(world):
    provider = world[0]
    provider.claims, provider.asked = {}, []
    provider.refuses = provider.is_silent = False
    return provider


@pytest.fixture
def browser(world):
    with httpx.Client(base_url=world[1], follow_redirects=True, timeout=30) as client:
        yield client


def send(browser, page, action, **values):
    """Sends a form of a page, with its hidden token."""
    assert f'action="{action}"' in page.text
    token = re.search(r'csrfmiddlewaretoken" value="(\w+)"', page.text)[1]
    body = {"csrfmiddlewaretoken": token, **values}
    return browser.post(html.unescape(action), data=body)


def sign_in_by(browser, name, to=""):
    """The way from the sign-in page over the other server and back."""
    page = browser.get("/app/account/login/", params={"next": to} if to else {})
    action = re.search(rf'action="(/app/account/{name}/login/[^"]*)"', page.text)[1]
    leaving = send(browser, page, action)
    assert "You are sent to" in leaving.text
    url = html.unescape(re.search(r'href="(http[^"]+)" rel', leaving.text)[1])
    assert leaving.headers["Refresh"] == f"0; url={url}"
    assert "form-action 'self';" in leaving.headers["Content-Security-Policy"]
    return browser.get(url)


def username(browser):
    page = browser.get("/app/account/")
    return re.search(r'<h1>Account <span class="quiet path">([^<]+)', page.text)[1]


def test_somebody_new_signs_in_by_openid_connect(browser, provider):
    provider.person = {"sub": "u-1", "preferred_username": "grace"}
    assert (
        "Continue with House &lt;login&gt;" in browser.get("/app/account/login/").text
    )

    back = sign_in_by(browser, "oidc", to="/app/jobs/")

    assert back.url.path == "/app/jobs/"
    assert username(browser) == "grace"
    assert "/token" in provider.asked


def test_the_same_person_is_the_same_account(browser, provider):
    provider.person = {"sub": "u-2", "preferred_username": "hedy"}
    sign_in_by(browser, "oidc")
    browser.cookies.clear()
    provider.person = {"sub": "u-2", "preferred_username": "renamed"}

    sign_in_by(browser, "oidc")

    assert username(browser) == "hedy"


def test_an_address_alone_opens_no_account(browser, provider):
    """A provider that claims somebody's address is not that somebody."""
    page = browser.get("/app/account/signup/")
    values = {**SIGNUP, "username": "radia", "email": "radia@example.org"}
    send(browser, page, "/app/account/signup/", **values)
    browser.cookies.clear()
    provider.person = {
        "sub": "u-3", "preferred_username": "mallory",
        "email": "radia@example.org", "email_verified": True,
    }  # fmt: skip

    sign_in_by(browser, "oidc")

    assert username(browser) == "mallory"


def test_somebody_signs_in_by_github(browser, provider):
    provider.person = GITHUB

    sign_in_by(browser, "github")

    assert username(browser) == "octo"
    assert "/api/v3/user" in provider.asked
    assert "/api/v3/user/emails" not in provider.asked


def test_data_uploaded_before_are_adopted_this_way_too(browser, provider):
    page = browser.get("/app/")
    token = re.search(r'csrfmiddlewaretoken" value="(\w+)"', page.text)[1]
    body = {"csrfmiddlewaretoken": token, "sample": "tools"}
    data = browser.post("/app/", data=body).url.path
    provider.person = {"sub": "u-4", "preferred_username": "joan"}

    sign_in_by(browser, "oidc")

    assert browser.get(data).status_code == 200
    assert httpx.get(f"{browser.base_url}{data}").status_code == 404


WRONG = [
    {"aud": "another-client"},
    {"iss": "https://evil.example"},
    {"exp": 1},
]


@pytest.mark.parametrize("claims", WRONG, ids=str)
def test_an_id_token_for_another_or_of_another_is_refused(browser, provider, claims):
    provider.person = {"sub": "u-5", "preferred_username": "eve"}
    provider.claims = claims

    back = sign_in_by(browser, "oidc")

    assert back.status_code == 401
    assert "You are not signed in" in back.text
    assert browser.get("/app/account/").url.path == "/app/account/login/"


def test_who_stops_on_the_way_is_not_signed_in(browser, provider):
    provider.refuses = True

    back = sign_in_by(browser, "oidc")

    assert back.url.path == "/app/account/connections/login/cancelled/"
    assert "You stopped on the other server" in back.text


@pytest.mark.parametrize("name", ["oidc", "github"])
def test_an_answer_nobody_asked_for_is_refused(browser, provider, name):
    back = browser.get(f"/app/account/{name}/login/callback/?code=x&state=y")

    assert back.status_code == 401
    assert "this was begun in another window" in back.text


def test_a_link_signs_nobody_in(browser, provider):
    page = browser.get("/app/account/oidc/login/")

    assert "learns that you sign in here" in page.text
    assert provider.asked == []


def test_an_account_is_connected_and_disconnected(browser, provider):
    page = browser.get("/app/account/signup/")
    values = {**SIGNUP, "username": "barbara", "email": ""}
    send(browser, page, "/app/account/signup/", **values)
    provider.person = {"sub": "u-6", "preferred_username": "other"}
    page = browser.get("/app/account/connections/")
    assert "None so far." in page.text

    action = re.search(r'action="(/app/account/oidc/login/[^"]*)"', page.text)[1]
    leaving = send(browser, page, action)
    back = browser.get(
        html.unescape(re.search(r'href="(http[^"]+)" rel', leaving.text)[1])
    )

    assert back.url.path == "/app/account/connections/"
    assert "House &lt;login&gt;" in back.text
    account = re.search(r'name="account" id="\w+" value="(\d+)"', back.text)[1]
    gone = send(browser, back, "/app/account/connections/", account=account)
    assert "None so far." in gone.text


def test_who_signs_in_this_way_alone_cannot_lock_themselves_out(browser, provider):
    provider.person = {"sub": "u-7", "preferred_username": "annie"}
    sign_in_by(browser, "oidc")
    page = browser.get("/app/account/connections/")
    account = re.search(r'name="account" id="\w+" value="(\d+)"', page.text)[1]

    refused = send(browser, page, "/app/account/connections/", account=account)

    assert 'role="alert"' in refused.text
    assert "None so far." not in refused.text
    page = browser.get("/app/account/delete/")
    send(browser, page, "/app/account/delete/", username="annie")
    assert browser.get("/app/account/").url.path == "/app/account/login/"


def test_a_silent_provider_is_said_to_be_silent(browser, provider):
    provider.is_silent = True

    page = browser.get("/app/account/login/")
    action = re.search(r'action="(/app/account/oidc/login/[^"]*)"', page.text)[1]
    answer = send(browser, page, action)

    assert answer.status_code == 503
    assert "The server that signs you in does not answer" in answer.text


@pytest.mark.django_db
def test_without_configuration_there_are_none(client):
    page = client.get("/app/account/login/").content.decode()

    assert "Continue with" not in page
    for name in ("github", "oidc"):
        assert client.get(f"/app/account/{name}/login/").status_code == 404


PARTS = [
    {"github": GitHub("id", "")},
    {"github": GitHub("", "secret")},
    {"oidc": OpenIDConnect("id", "secret", "", "x")},
    {"oidc": OpenIDConnect("", "", "https://house.example", "x")},
    {"oidc": OpenIDConnect("id", "secret", "http://house.example", "x")},
    {"github": GitHub("id", "secret", "http://github.example")},
]


@pytest.mark.parametrize("part", PARTS, ids=str)
def test_half_a_configuration_stops_the_start(part):
    nothing = {"github": GitHub("", ""), "oidc": OpenIDConnect("", "", "", "x")}

    with pytest.raises(ImproperlyConfigured, match="SLMGEN_"):
        configured(**{**nothing, **part})


def test_the_limit_on_guesses_is_counted_by_all_processes_together(world):
    """Counted in each process, several would take several times as many guesses."""
    code = (
        "import django; django.setup();"
        "from django.core.cache import cache;"
        "print(cache.incr('tries') if not cache.add('tries', 1) else 1)"
    )
    counts = [
        subprocess.run(
            [sys.executable, "-c", code], cwd=REPO, check=True, capture_output=True,
            text=True, env={**world[2], "DJANGO_SETTINGS_MODULE": "slmgen.settings"},
        ).stdout.strip()
        for _ in range(2)
    ]  # fmt: skip

    assert counts == ["1", "2"]
