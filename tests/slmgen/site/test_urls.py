import pytest
from django.test import Client

from slmgen.http.middleware import CONTENT_SECURITY_POLICY
from tests.factories import make_dataset
from tests.slmgen.http.test_body_limits import ask_raw

pytestmark = pytest.mark.django_db


def test_an_unknown_page_is_an_html_404(client):
    page = client.get("/app/nothing/")

    assert page.status_code == 404
    assert page["Content-Type"].startswith("text/html")
    assert "There is nothing at this address" in page.content.decode()


@pytest.mark.parametrize("address", ["/app/", "/app/nothing/", "/admin/login/"])
def test_a_page_may_load_nothing_from_elsewhere(client, address):
    policy = client.get(address)["Content-Security-Policy"]

    assert policy == CONTENT_SECURITY_POLICY
    assert "unsafe" not in policy


def test_no_page_has_an_inline_script_or_style(client):
    dataset = make_dataset()

    for part in ("", "problems/", "closer/", "model/", "training/", "rows/1/",
                 "repair/?do=fold_system", "roles/", "versions/"):  # fmt: skip
        text = client.get(f"/app/datasets/{dataset.id}/{part}").content.decode()

        assert "<style" not in text
        assert " style=" not in text
        assert "onclick" not in text
        assert "<script>" not in text


def test_the_chosen_theme_is_kept_and_leads_back(client):
    answer = client.post("/app/theme/", {"theme": "dark", "next": "/app/?a=1"})

    assert (answer.status_code, answer["Location"]) == (302, "/app/?a=1")
    assert 'data-theme="dark"' in client.get("/app/").content.decode()


@pytest.mark.parametrize("target", ["https://elsewhere.example/", "//e.example", ""])
def test_the_theme_switch_leads_nowhere_else(client, target):
    answer = client.post("/app/theme/", {"theme": "light", "next": target})

    assert answer["Location"] == "/app/"


def test_an_unknown_theme_is_ignored(client):
    client.cookies["slmgen_theme"] = '"><script>'

    assert "data-theme" not in client.get("/app/").content.decode()


def test_a_form_without_its_csrf_token_is_refused():
    client = Client(enforce_csrf_checks=True)

    for address in ("/app/", "/app/theme/"):
        answer = client.post(address, {"sample": "tools"})

        assert answer.status_code == 403
        assert "This form has expired" in answer.content.decode()


def test_a_request_that_is_too_large_is_answered_by_a_page():
    status, headers, body = ask_raw("/app/", [("content-length", "9" * 12)])

    assert status == 413
    assert headers[b"content-type"].startswith(b"text/html")
    assert b"larger than" in body
