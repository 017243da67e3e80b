import asyncio
import json

import pytest

from slmgen.guard import guard


def ask(app, *, path="/upload", method="POST", headers=(), body=()):
    """Sends a request to the guarded `app`; gives status, JSON and body bytes read."""
    chunks = [*body, b""]
    sent, read = [], 0

    async def receive():
        nonlocal read
        chunk = chunks.pop(0)
        read += len(chunk)
        return {"type": "http.request", "body": chunk, "more_body": bool(chunks)}

    async def send(message):
        sent.append(message)

    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "headers": [(k.encode(), v.encode()) for k, v in headers],
    }
    asyncio.run(guard(app)(scope, receive, send))
    return sent[0]["status"], json.loads(sent[1]["body"] or b"null"), read


def ask_raw(path, headers):
    """Status, headers and body of what the guard answers by itself."""
    sent = []

    async def send(message):
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": path,
        "headers": [(k.encode(), v.encode()) for k, v in headers],
    }
    asyncio.run(guard(reading)(scope, None, send))
    return sent[0]["status"], dict(sent[0]["headers"]), sent[1]["body"]


async def reading(scope, receive, send):
    while (await receive()).get("more_body"):
        continue
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})


@pytest.fixture(autouse=True)
def _small_limit(settings):
    settings.SLMGEN_MAX_UPLOAD_BYTES = 1_000_000
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 10_000


def test_a_fitting_body_passes():
    assert ask(reading, headers=[("content-length", "10")], body=[b"x" * 10])[0] == 200


def test_a_declared_length_is_refused_before_the_body():
    headers = [("content-length", "2000000")]

    status, body, read = ask(reading, headers=headers, body=[b"x" * 2_000_000])

    assert (status, read) == (413, 0)
    assert "larger than 1 MB" in body["detail"]


def test_a_body_that_grows_beyond_the_limit_is_cut():
    chunks = [b"x" * 100_000] * 50

    status, _, read = ask(reading, headers=[("content-length", "9")], body=chunks)

    assert status == 413
    assert read < 1_300_000


def test_other_addresses_have_a_small_limit():
    headers = [("content-length", "100000")]

    assert ask(reading, path="/recommend", headers=headers)[0] == 413


REFUSED = {
    "no length": ([("transfer-encoding", "chunked")], 411),
    "two lengths": ([("content-length", "1"), ("content-length", "2")], 400),
    "two tokens": ([("authorization", "Bearer a"), ("authorization", "b")], 400),
    "a signed length": ([("content-length", "+1")], 400),
    "an endless length": ([("content-length", "9" * 20)], 400),
    "a packed body": ([("content-length", "1"), ("content-encoding", "gzip")], 415),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_doubtful_head_is_refused(name):
    headers, expected = REFUSED[name]

    status, body, read = ask(reading, headers=headers, body=[b"x"])

    assert (status, read) == (expected, 0)
    assert body["detail"]


def test_a_full_disk_is_507():
    async def full(scope, receive, send):
        raise OSError(28, "No space left on device")

    assert ask(full)[0] == 507


def test_another_failure_is_not_hidden():
    async def failing(scope, receive, send):
        raise OSError(5, "Input/output error")

    with pytest.raises(OSError, match="Input/output"):
        ask(failing)
