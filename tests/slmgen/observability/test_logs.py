"""What must not be in a log is in none, however it comes."""

import io
import json
import logging
import socket

import httpx
import pytest

from slmgen.identity.services import token_for
from slmgen.observability.logs import JsonLines, RequestLines, without_secrets
from tests.conftest import started
from tests.factories import jsonl, make_conversation, make_dataset, make_file

pytestmark = pytest.mark.django_db

CANARY = "canary-7f3a"


@pytest.fixture(params=[JsonLines, RequestLines])
def log(request):
    """All that is logged, down to the last detail, as it would be written."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(request.param())
    root = logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield stream
    root.removeHandler(handler)
    root.setLevel(before)


def test_an_upload_is_not_quoted(client, log):
    good = jsonl([make_conversation(CANARY, CANARY)])
    for content in (
        good,
        good + CANARY.encode(),
        b'{"messages": "%s"}' % b"canary-7f3a",
    ):
        client.post("/upload", {"file": make_file(content, f"{CANARY}.jsonl")})
        client.post("/app/", {"file": make_file(content, f"{CANARY}.jsonl")})

    assert "/upload answered 200" in log.getvalue()
    assert "/upload answered 400" in log.getvalue()
    assert CANARY not in log.getvalue()


def test_queries_tokens_cookies_and_bodies_are_not_quoted(client, log, owner):
    token = token_for(username="owner", password="owner-password")
    client.cookies["sessionid"] = CANARY
    client.get(f"/jobs?limit={CANARY}", HTTP_AUTHORIZATION=f"Bearer {token}")
    client.get("/jobs", HTTP_AUTHORIZATION=f"Bearer {CANARY}")
    client.get(f"/app/?q={CANARY}")
    client.get(f"/nothing/{CANARY}")
    client.get("/app/", HTTP_HOST=f"{CANARY}.example")
    client.post("/recommend", f'{{"{CANARY}": ' * 9, "application/json")
    client.post(
        "/auth/token", {"username": CANARY, "password": CANARY}, "application/json"
    )

    assert "/jobs answered 400" in log.getvalue()
    assert token not in log.getvalue()
    lines = [x for x in log.getvalue().splitlines() if CANARY in x]
    # The name of a host that is refused is the one thing that tells why.
    assert [x for x in lines if "HTTP_HOST" not in x] == []


def test_what_an_exception_says_is_not_quoted(client, log, settings):
    dataset = make_dataset()
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {"BACKEND": "tests.slmgen.observability.test_logs.Quoting"},
    }
    client.raise_request_exception = False

    answer = client.get(f"/preview/{dataset.id}")

    assert answer.status_code == 500
    assert "builtins.RuntimeError" in log.getvalue()
    assert "test_logs.py" in log.getvalue()
    assert CANARY not in log.getvalue()


class Quoting:
    def open(self, name):
        try:
            raise ValueError(CANARY)
        except ValueError as error:
            raise RuntimeError(CANARY) from error


def test_ids_are_shortened_to_what_finds_them(client, log):
    dataset = make_dataset()
    client.get(f"/analyze/{dataset.id}")
    logging.getLogger("slmgen").error("the file %s is missing", dataset.original_key)

    assert str(dataset.id) not in log.getvalue()
    assert f"datasets/{str(dataset.id)[:8]}…/original" in log.getvalue()


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("Authorization: Bearer abc.def-1", "Authorization: …"),
        ("got slm_pat_AbC123", "got slm_pat_…"),
        ("eyJhbGciOi.eyJzdWIi.c2ln at last", "eyJ… at last"),
        ("password=hunter2&x=1", "password=…&x=1"),
        ("one\nline\x1b[31m", "one\\x0aline\\x1b[31m"),
        ("slmgen-qwen-0123456789abcdef0123456789abcdef.ipynb",
         "slmgen-qwen-01234567….ipynb"),
    ],
)  # fmt: skip
def test_secrets_and_control_characters_are_taken_out(text, written):
    assert without_secrets(text) == written


def test_lines_of_a_request_share_the_id_that_its_answer_tells(client):
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines())
    logger = logging.getLogger("slmgen")
    logger.addHandler(handler)
    try:
        answer = client.get("/jobs", HTTP_AUTHORIZATION="Bearer bad")
    finally:
        logger.removeHandler(handler)

    refused, request = map(json.loads, stream.getvalue().splitlines())
    assert refused["request_id"] == request["request_id"] == answer["X-Request-ID"]
    assert refused["logger"] == "slmgen.identity.authentication"
    assert (request["method"], request["route"], request["status"]) == (
        "GET", "/jobs", 401,
    )  # fmt: skip


def test_no_part_of_a_running_server_quotes_what_is_sent(tmp_path, capfd):
    """uvicorn has lines of its own, which know nothing of ours."""
    with (
        started(tmp_path, SLMGEN_LOG_FORMAT="json") as (port, _),
        httpx.Client(base_url=f"http://localhost:{port}") as client,
    ):
        content = jsonl([make_conversation(CANARY)])
        session = client.post("/upload", files={"file": (f"{CANARY}.jsonl", content)})
        session = session.json()["session_id"]
        headers = {"Authorization": f"Bearer {CANARY}", "Cookie": f"sessionid={CANARY}"}
        client.get(f"/preview/{session}?page={CANARY}", headers=headers)
        client.get(f"/preview/{session}?page={CANARY}")
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.sendall(f"GET /{CANARY} {CANARY}\r\n\r\n".encode())
            connection.recv(100)

    lines = [x for x in capfd.readouterr().err.splitlines() if x.startswith("{")]
    routes = [json.loads(line).get("route") for line in lines]
    assert routes.count("/preview/<str:session_id>") == 2
    assert CANARY not in "".join(lines)
    assert session not in "".join(lines)


def test_health_is_not_logged(client, log):
    client.get("/health")

    assert "slmgen.request" not in log.getvalue()
