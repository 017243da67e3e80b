"""Every endpoint of the specification: path, method, status and the exact fields."""

import json
import uuid

import pytest
from django.db import OperationalError

from tests.factories import make_dataset, make_file

pytestmark = pytest.mark.django_db

UNKNOWN = "5bcb8fe2-ea94-457e-98ea-8aedfdf10ad0"
JSON = "application/json"
JOB_ITEM = ["id", "session_id", "dataset_filename", "status", "created_at"]
JOB_MORE = [
    "updated_at", "model_id", "model_name", "task_type", "deployment_target",
    "training_config", "total_examples", "total_tokens", "quality_score",
    "notebook_path", "download_url", "colab_url", "training",
]  # fmt: skip


@pytest.fixture
def call(client, owner):
    """Calls the API as the owner; `{dataset}` and `{job}` in a path are filled in."""
    token = client.post(
        "/auth/token",
        {"username": "owner", "password": "owner-password"},
        content_type=JSON,
    ).json()["access_token"]
    headers = {"HTTP_AUTHORIZATION": f"Bearer {token}"}
    dataset = make_dataset(owner=owner)

    def called(method, path, body=None, anonymous=False):
        path = path.replace("{dataset}", str(dataset.id))
        if "{job}" in path:
            made = called("POST", "/jobs", {"session_id": "{dataset}"}).json()
            path = path.replace("{job}", made["id"])
        if isinstance(body, dict):
            body = json.dumps(body).replace("{dataset}", str(dataset.id))
        extra = {} if anonymous else headers
        return client.generic(method, path, body or "", content_type=JSON, **extra)

    return called


NEED = {
    "session_id": "{dataset}",
    "task_type": "qa",
    "deployment_target": "cloud",
}
SUCCESS = [
    ("GET", "/", None, 200, ["name", "version", "status", "documentation"]),
    ("GET", "/health", None, 200, ["status"]),
    ("GET", "/health/ready", None, 200, ["status", "checks"]),
    ("GET", "/analyze/{dataset}", None, 200, [
        "session_id", "total_examples", "total_tokens", "avg_tokens_per_example",
        "quality_score", "quality_issues", "format_valid"]),
    ("GET", "/preview/{dataset}", None, 200, [
        "examples", "total_count", "page", "page_size"]),
    ("GET", "/preview/{dataset}/distribution", None, 200, [
        "roles", "avg_message_length", "token_distribution", "has_system_prompts",
        "multi_turn_percentage"]),
    ("GET", "/preview/{dataset}/duplicates", None, 200, ["count", "examples"]),
    ("POST", "/recommend", NEED, 200, ["recommendations"]),
    ("POST", "/generate", {"session_id": "{dataset}"}, 200, [
        "notebook_path", "colab_url", "download_url"]),
    ("POST", "/jobs", {"session_id": "{dataset}"}, 201, JOB_ITEM + JOB_MORE),
    ("GET", "/jobs/{job}", None, 200, JOB_ITEM + JOB_MORE),
    ("PATCH", "/jobs/{job}", {"status": "running"}, 200, JOB_ITEM + JOB_MORE),
    ("DELETE", "/jobs/{job}", None, 204, None),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path", "body", "status", "fields"), SUCCESS)
def test_an_endpoint_answers_as_specified(call, method, path, body, status, fields):
    response = call(method, path, body)

    assert response.status_code == status, response.content
    if fields is None:
        assert response.content == b""
    else:
        assert list(response.json()) == fields
        assert response["Content-Type"] == JSON


def test_upload_answers_as_specified(client):
    response = client.post("/upload", {"file": make_file()})

    assert response.status_code == 200
    assert list(response.json()) == ["session_id", "filename", "size", "message"]


def test_the_history_has_exactly_five_fields_an_item(call):
    call("POST", "/jobs", {"session_id": "{dataset}"})

    (job,) = call("GET", "/jobs").json()

    assert list(job) == JOB_ITEM
    assert job["created_at"].endswith("Z")
    assert uuid.UUID(job["id"]).version == 4


def test_a_recommendation_has_exactly_six_fields(call):
    found = call("POST", "/recommend", NEED).json()["recommendations"]

    assert len(found) >= 3
    for entry in found:
        assert list(entry) == [
            "model_id", "model_name", "size", "score", "reasons", "is_gated",
        ]  # fmt: skip
    scores = [entry["score"] for entry in found]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)


def test_a_notebook_can_be_downloaded(call):
    made = call("POST", "/generate", {"session_id": "{dataset}"}).json()

    response = call("GET", made["download_url"])

    assert response.status_code == 200
    assert json.loads(response.content)["nbformat"] == 4
    assert response["Content-Disposition"].startswith("attachment;")
    assert not made["notebook_path"].startswith("/")


CONFIG = {"session_id": "{dataset}", "training_config": {}}
ERRORS = [
    ("GET", "/nothing", None, 404, "nothing at this address"),
    ("GET", "/analyze/", None, 404, "nothing at this address"),
    ("GET", "/jobs/", None, 404, "nothing at this address"),
    ("GET", f"/analyze/{UNKNOWN}", None, 404, "no dataset with this id"),
    ("GET", "/analyze/malformed", None, 404, "no dataset with this id"),
    ("GET", "/download/malformed", None, 404, "no notebook"),
    ("GET", "/download/slmgen-x.ipynb", None, 404, "no notebook"),
    ("GET", f"/jobs/{UNKNOWN}", None, 404, "no job with this id"),
    ("GET", "/jobs/malformed", None, 404, "no job with this id"),
    ("GET", "/upload", None, 405, 'Method "GET" not allowed'),
    ("DELETE", "/analyze/{dataset}", None, 405, "not allowed"),
    ("PUT", "/jobs/{job}", {"status": "running"}, 405, "not allowed"),
    ("POST", "/recommend", "{", 400, "not valid JSON"),
    ("POST", "/recommend", "[]", 400, "must be an object"),
    ("POST", "/recommend", "[" * 100_000, 400, "nested too deeply"),
    ("POST", "/recommend", '{"a":' * 5000 + "1" + "}" * 5000, 400, "nested too deeply"),
    ("POST", "/recommend", '{"session_id": NaN}', 400, "not valid JSON"),
    ("POST", "/recommend", '{"session_id": "\\u0000"}', 400, "NUL"),
    ("POST", "/recommend", '{"session_id": "\\ud800"}', 400, "not valid JSON"),
    ("POST", "/recommend", b"\xff\xfe", 400, "not valid JSON"),
    ("POST", "/recommend", '{"n": %s}' % ("9" * 5000), 400, "not valid JSON"),
    ("POST", "/recommend", " " * 1_100_000, 413, "larger than"),
    ("POST", "/recommend", {}, 400, "session_id is missing; expected the UUID"),
    ("POST", "/recommend", {**NEED, "session_id": "x"}, 400, "session_id is 'x'"),
    ("POST", "/recommend", {**NEED, "session_id": UNKNOWN}, 404, "no dataset"),
    ("POST", "/recommend", {**NEED, "session_id": ["x"]}, 400, "session_id is "),
    ("POST", "/recommend", {**NEED, "task_type": "cook"}, 400, "summarization"),
    ("POST", "/recommend", {**NEED, "deployment_target": "moon"}, 400, "browser"),
    ("POST", "/generate", {}, 400, "session_id is "),
    ("POST", "/generate", {"session_id": UNKNOWN}, 404, "no dataset"),
    ("POST", "/generate", {"session_id": "x"}, 400, "session_id is 'x'"),
    ("POST", "/generate", {**CONFIG, "model_id": "gpt-5"}, 400, "phi-4-mini"),
    ("POST", "/generate", {**CONFIG, "training_config": []}, 400, "an object"),
    ("POST", "/generate", {**CONFIG, "training_config": {"x": 1}}, 400, "lora_rank"),
    ("POST", "/generate", {**CONFIG, "training_config": {"lora_rank": 0}}, 400,
     "lora_rank is 0; expected a whole number from 1 to 256"),
    ("POST", "/jobs", {}, 400, "session_id is "),
    ("POST", "/jobs", {"session_id": UNKNOWN}, 404, "no dataset"),
    ("POST", "/jobs", {"session_id": "{dataset}", "owner": 1}, 400, "'owner'"),
    ("POST", "/jobs", {"session_id": "{dataset}", "task_type": "x"}, 400, "qa"),
    ("PATCH", "/jobs/{job}", {"status": "completed"}, 400, "cannot become"),
    ("PATCH", "/jobs/{job}", {"status": "done"}, 400, "expected one of"),
    ("PATCH", "/jobs/{job}", {"id": UNKNOWN}, 400, "Unknown field 'id'"),
    ("GET", "/jobs?limit=0", None, 400, "limit is '0'; expected a whole"),
    ("GET", "/jobs?limit=101", None, 400, "whole number from 1 to 100."),
    ("GET", "/jobs?offset=x", None, 400, "offset is 'x'; expected a whole"),
    ("GET", "/preview/{dataset}?page=0", None, 400, "page is '0'; expected"),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path", "body", "status", "part"), ERRORS)
def test_an_error_is_one_sentence_of_json(call, method, path, body, status, part):
    response = call(method, path, body)

    assert response.status_code == status, response.content
    assert response["Content-Type"].startswith(JSON)
    assert list(response.json()) == ["detail"]
    assert part in response.json()["detail"]


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/jobs"), ("POST", "/jobs"), ("GET", f"/jobs/{UNKNOWN}")],
)
def test_jobs_need_an_account(call, method, path):
    response = call(method, path, anonymous=True)

    assert response.status_code == 401
    assert response["WWW-Authenticate"] == 'Bearer realm="slmgen"'
    assert "needs an account" in response.json()["detail"]


@pytest.mark.parametrize("accept", ["text/html", "image/png", "x", ""])
@pytest.mark.parametrize("path", ["/health", "/nothing", f"/analyze/{UNKNOWN}"])
def test_the_api_answers_json_whatever_is_accepted(client, path, accept):
    response = client.get(path, HTTP_ACCEPT=accept)

    assert response["Content-Type"].startswith(JSON)


def test_a_browser_is_sent_from_the_root_to_the_pages(client):
    browser = client.get("/", HTTP_ACCEPT="text/html,application/xhtml+xml,*/*;q=0.8")
    script = client.get("/", HTTP_ACCEPT="*/*")

    assert (browser.status_code, browser["Location"]) == (302, "/app/")
    assert script.status_code == 200
    assert browser["Vary"] == script["Vary"] == "Accept"


def test_a_failure_of_ours_is_500_with_a_request_id(client, monkeypatch):
    client.raise_request_exception = False
    monkeypatch.setattr("slmgen.http.error_views.request_id", lambda request: "the-id")
    monkeypatch.setattr("datasets.services.find_dataset", lambda *a, **k: 1 / 0)

    response = client.get(f"/analyze/{UNKNOWN}")

    assert response.status_code == 500
    assert "quote request the-id" in response.json()["detail"]


def test_a_database_that_is_down_is_503(client, monkeypatch):
    def fail(*args, **kwargs):
        raise OperationalError("database is locked")

    monkeypatch.setattr("datasets.services.find_dataset", fail)

    response = client.get(f"/analyze/{UNKNOWN}")

    assert (response.status_code, response["Retry-After"]) == (503, "5")


def test_a_database_without_space_is_507(client, monkeypatch):
    def fail(*args, **kwargs):
        raise OperationalError("database or disk is full")

    monkeypatch.setattr("datasets.services.find_dataset", fail)

    assert client.get(f"/analyze/{UNKNOWN}").status_code == 507
