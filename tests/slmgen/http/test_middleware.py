"""Every answer, whoever makes it, says the same to the browser about what it may do."""

import pytest
from django.test import Client, override_settings

from slmgen.http.middleware import CONTENT_SECURITY_POLICY, SAFE_HEADERS
from tests.factories import make_dataset

pytestmark = pytest.mark.django_db

ANSWERS = {
    "page": ("/app/", 200),
    "page that does not exist": ("/app/nothing/", 404),
    "redirect to the sign-in": ("/app/jobs/", 302),
    "admin": ("/admin/", 302),
    "API": ("/models", 200),
    "API address that does not exist": ("/nothing", 404),
    "API without a token": ("/jobs", 401),
    "API by a wrong method": ("/upload", 405),
    "schema": ("/openapi.json", 200),
    "icon": ("/favicon.ico", 302),
    "page of documents": ("/docs/api/", 200),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_every_kind_of_answer_is_safe(client, name):
    path, status = ANSWERS[name]

    answer = client.get(path)

    assert answer.status_code == status
    for header, value in SAFE_HEADERS.items():
        if header != "Content-Security-Policy" or path != "/docs/api/":
            assert answer[header] == value
    assert "no-store" in answer["Cache-Control"]


def test_the_policy_allows_nothing_inline_and_nothing_from_elsewhere():
    assert "unsafe" not in CONTENT_SECURITY_POLICY
    assert "http" not in CONTENT_SECURITY_POLICY
    assert CONTENT_SECURITY_POLICY.startswith("default-src 'none'")
    assert "frame-ancestors 'none'" in CONTENT_SECURITY_POLICY


def test_the_page_of_the_api_alone_may_have_inline_styles_and_never_scripts(client):
    policy = client.get("/docs/api/")["Content-Security-Policy"]

    assert "script-src 'self';" in policy
    assert "style-src 'self' 'unsafe-inline'" in policy


def test_a_failure_of_ours_is_safe_too(client, settings):
    dataset = make_dataset()
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {"BACKEND": "tests.slmgen.http.test_middleware.Broken"},
    }
    client.raise_request_exception = False

    answer = client.get(f"/preview/{dataset.id}")

    assert answer.status_code == 500
    assert answer["Content-Security-Policy"] == CONTENT_SECURITY_POLICY
    assert list(answer.json()) == ["detail"]
    assert "Broken" not in answer.json()["detail"]


class Broken:
    def open(self, name):
        raise RuntimeError("Broken")


def test_an_unknown_host_is_refused_before_anything_else(client):
    answer = client.get("/app/", HTTP_HOST="evil.example")

    assert answer.status_code == 400
    assert answer["X-Frame-Options"] == "DENY"
    assert "evil" not in answer.text


def test_a_forwarded_host_changes_no_address(client):
    dataset = make_dataset()

    answer = client.post(
        "/generate", {"session_id": str(dataset.id)}, "application/json",
        HTTP_X_FORWARDED_HOST="evil.example",
    )  # fmt: skip

    assert answer.status_code == 200
    assert b"evil.example" not in client.get(answer.json()["download_url"]).content


@override_settings(SECURE_HSTS_SECONDS=60, SECURE_SSL_REDIRECT=True)
def test_behind_https_plain_http_is_sent_there():
    answer = Client().get("/app/")
    secure = Client().get("/app/", secure=True)

    assert (answer.status_code, answer["Location"]) == (301, "https://testserver/app/")
    assert secure["Strict-Transport-Security"].startswith("max-age=60")
