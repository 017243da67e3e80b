"""Accounts in a browser: every page, and the way to another server and back."""

import re

import pytest

from tests.browser.conftest import Look, Visitor
from tests.conftest import started
from tests.slmgen.accounts.people import PASSWORD
from tests.slmgen.accounts.provider import CLIENT, SECRET, Provider

pytestmark = pytest.mark.browser

LOOKS = [
    Look(width=360, scheme="dark"),
    Look(width=1440, scheme="light"),
    Look(script=False, width=360),
    Look(width=320),
]
ACCOUNT = "/app/account/"
ENTRANCES = [
    *("login/", "signup/", "inactive/", "confirm-email/", "confirm-email/x/"),
    *("password/reset/", "password/reset/done/", "password/reset/key/1-x/"),
    *("password/reset/key/done/", "connections/login/cancelled/"),
]
OWN = [
    *("", "tokens/", "email/", "password/change/"),
    *("connections/", "delete/", "reauthenticate/", "logout/"),
]


def sign_up(visitor, name):
    visitor.open(f"{ACCOUNT}signup/")
    page = visitor.page
    page.get_by_label("Username").fill(name)
    page.get_by_label("E-mail address").fill(f"{name}@example.org")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Password (again)").fill(PASSWORD)
    page.get_by_role("button", name="Make the account").click()
    page.get_by_role("link", name="Sign out").wait_for()


@pytest.mark.parametrize("look", LOOKS, ids=str)
def test_every_page_for_those_without_account(visit, look):
    visitor = visit(look)

    for path in ENTRANCES:
        visitor.open(ACCOUNT + path)
        visitor.check()
    visitor.open(f"{ACCOUNT}connections/login/error/", status=401)
    visitor.check()


@pytest.mark.parametrize("look", LOOKS, ids=str)
def test_a_life_of_an_account(visit, look):
    name = f"ada-{look}"
    visitor = visit(look)
    page = visitor.page
    visitor.open("/app/")
    page.get_by_role("button", name="Classification").click()
    data = page.url.removeprefix(visitor.address)
    sign_up(visitor, name)
    visitor.open("/app/")
    assert page.get_by_role("link", name="classification.jsonl").is_visible()

    for path in OWN:
        visitor.open(ACCOUNT + path)
        visitor.check()

    visitor.open(f"{ACCOUNT}tokens/")
    page.get_by_label("Name").fill("night build")
    page.get_by_label("May").select_option("write")
    page.get_by_role("button", name="Make the token").click()
    token = page.locator("#token").inner_text()
    assert re.fullmatch(r"slm_pat_\w{49}", token)
    visitor.check()
    answer = page.request.get(
        f"{visitor.address}/jobs", headers={"Authorization": f"Bearer {token}"}
    )
    assert answer.json() == []
    page.get_by_role("button", name="Revoke night build").click()
    assert page.get_by_text("The token is revoked").is_visible()
    visitor.check()

    visitor.open(ACCOUNT)
    with page.expect_download() as download:
        page.get_by_role("link", name="Export my data").click()
    assert download.value.suggested_filename.endswith(".zip")

    page.get_by_role("link", name="Delete my account").click()
    visitor.refused = 400
    page.get_by_label("Your password").fill("wrong")
    page.get_by_role("button", name="Delete everything").click()
    assert page.get_by_text("This is not your password.").is_visible()
    visitor.check()
    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_role("button", name="Delete everything").click()
    page.get_by_text("Your account and everything in it is deleted").wait_for()
    visitor.check()
    visitor.open(data, status=404)


def test_a_wrong_password_is_explained(visit):
    visitor = visit(Look(width=360))
    visitor.open(f"{ACCOUNT}login/?next=/app/jobs/")

    visitor.page.get_by_label("Username").fill("nobody")
    visitor.page.get_by_label("Password").fill("wrong")
    visitor.page.keyboard.press("Enter")

    assert "not correct" in visitor.page.get_by_role("alert").inner_text()
    visitor.check()


@pytest.mark.parametrize("script", [True, False])
def test_the_way_to_another_server_and_back(chromium, tmp_path, script):
    """The content security policy once stopped the redirect behind the button."""
    provider = Provider()
    provider.person = {"sub": f"b-{script}", "preferred_username": "grace"}
    variables = {
        "SLMGEN_OIDC_ISSUER": provider.url,
        "SLMGEN_OIDC_CLIENT_ID": CLIENT,
        "SLMGEN_OIDC_CLIENT_SECRET": SECRET,
        "SLMGEN_OIDC_NAME": "House login",
    }
    with started(tmp_path, **variables) as (port, _):
        context = chromium.new_context(java_script_enabled=script)
        page = context.new_page()
        look = Look(script)
        visitor = Visitor(page, f"http://localhost:{port}", look)
        visitor.open("/app/jobs/")
        visitor.check()

        page.get_by_role("button", name="Continue with House login").click()
        page.wait_for_url("**/app/jobs/")

        page.get_by_role("link", name="Account").click()
        assert "grace" in page.get_by_role("heading", level=1).inner_text()
        elsewhere = [
            f for f in visitor.faults if not f.startswith(f"asked {provider.url}/")
        ]
        assert elsewhere == []
        assert "/token" in provider.asked
        context.close()
    provider.close()
