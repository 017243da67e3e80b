import asyncio
import json

import pytest

from slmgen.http.body_limits import SAFE, guard, without_claims


def ask(app, *, path="/upload", method="POST", headers=(), body=()):
    """Sends a request to the guarded `app`; gives status, JSON, and the bytes that were
    read before the answer began."""
    chunks = [*body, b""]
    sent, read, read_before = [], 0, 0

    async def receive():
        nonlocal read
        chunk = chunks.pop(0) if chunks else b""
        read += len(chunk)
        return {"type": "http.request", "body": chunk, "more_body": bool(chunks)}

    async def send(message):
        nonlocal read_before
        if not sent:
            read_before = read
        sent.append(message)

    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "headers": [(k.encode(), v.encode()) for k, v in headers],
    }
    asyncio.run(guard(app)(scope, receive, send))
    return sent[0]["status"], json.loads(sent[1]["body"] or b"null"), read_before


class Drip:
    """An upload that sends a byte, waits, and is not seen to end."""

    def __init__(self, seconds):
        self.seconds = seconds

    async def receive(self):
        await asyncio.sleep(self.seconds)
        return {"type": "http.request", "body": b"x", "more_body": True}


def drip(app, seconds, sent, address="198.51.100.7"):
    async def send(message):
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/upload",
        "headers": [(b"content-length", b"900000")],
        "client": (address, 1),
    }
    return app(scope, Drip(seconds).receive, send)


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
    asyncio.run(guard(reading)(scope, _empty, send))
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


@pytest.mark.parametrize(
    ("limit", "seconds", "pause", "words"),
    [
        ("SECONDS_OF_SILENCE", 0.05, 5, b"Nothing came"),
        ("SECONDS_BEFORE_PACE", 0.1, 0.01, b"slower than 1,000 bytes a second"),
    ],
)
def test_a_body_that_stops_coming_or_drips_is_given_up(
    monkeypatch, limit, seconds, pause, words
):
    monkeypatch.setattr(f"slmgen.http.body_limits.{limit}", seconds)
    sent = []

    asyncio.run(drip(guard(reading), pause, sent))

    assert sent[0]["status"] == 408
    assert words in sent[1]["body"]


def test_slow_bodies_leave_room_for_others(monkeypatch):
    monkeypatch.setattr("slmgen.http.body_limits.BODIES_AT_ONCE", 3)
    app = guard(reading)

    async def flood():
        sent = [[] for _ in range(4)]
        drips = [asyncio.create_task(drip(app, 0.01, one)) for one in sent]
        await asyncio.sleep(0.1)
        small = []
        scope = {"type": "http", "method": "GET", "path": "/health", "headers": []}
        await app(scope, _empty, _into(small))
        for one in drips:
            one.cancel()
        await asyncio.gather(*drips, return_exceptions=True)
        return sent, small

    sent, small = asyncio.run(flood())

    assert small[0]["status"] == 200
    (refused,) = [one for one in sent if one]
    assert refused[0]["status"] == 503
    assert (b"retry-after", b"5") in refused[0]["headers"]


async def _empty():
    return {"type": "http.request", "body": b"", "more_body": False}


def _into(sent):
    async def send(message):
        sent.append(message)

    return send


@pytest.mark.parametrize("path", ["/upload", "/app/"])
def test_what_the_guard_answers_is_as_safe_as_the_rest(path):
    _, headers, _ = ask_raw(path, [("content-length", "9" * 12)])

    for name, value in SAFE.items():
        assert headers[name.encode()] == value.encode()


CLAIMING = [(b"host", b"a"), (b"x-forwarded-for", b"203.0.113.9")]


@pytest.mark.parametrize(
    ("proxies", "client", "expected"),
    [
        (0, ("127.0.0.1", 1), CLAIMING[:1]),
        (1, ("127.0.0.1", 1), CLAIMING),
        (1, ("10.1.2.3", 1), CLAIMING),
        (1, None, CLAIMING),
        (1, ("198.51.100.7", 1), CLAIMING[:1]),
        (1, ("2001:db8::1", 1), CLAIMING[:1]),
    ],
)
def test_forwarded_addresses_are_believed_of_known_proxies_only(
    settings, proxies, client, expected
):
    settings.SLMGEN_TRUSTED_PROXIES = proxies

    scope = without_claims({"client": client, "headers": CLAIMING})

    assert scope["headers"] == expected


# What one client may hold


def flooded(app, addresses, then):
    """Sends a body that drips from each address; gives what `then` was answered, and
    the drips were, in a moment."""

    async def flood():
        sent = [[] for _ in addresses]
        drips = [
            asyncio.create_task(drip(app, 0.01, one, address))
            for one, address in zip(sent, addresses, strict=True)
        ]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        small = []
        await app(then, _empty, _into(small))
        for one in drips:
            one.cancel()
        await asyncio.gather(*drips, return_exceptions=True)
        return small, [one[0]["status"] for one in sent if one]

    return asyncio.run(flood())


def get(address, headers=()):
    client = (address, 1)
    return {
        "type": "http", "method": "GET", "path": "/models", "headers": [*headers],
        "client": client,
    }  # fmt: skip


A, B = "203.0.113.1", "203.0.113.2"


def test_one_client_s_bodies_leave_room_for_those_of_others(monkeypatch):
    monkeypatch.setattr("slmgen.http.body_limits.BODIES_OF_ONE", 2)

    _, refused = flooded(guard(reading), [A, A, A, B], get(B))

    assert refused == [429]


@pytest.mark.parametrize(("address", "expected"), [(A, 429), (B, 200)])
def test_one_client_s_requests_leave_room_for_those_of_others(
    monkeypatch, address, expected
):
    monkeypatch.setattr("slmgen.http.body_limits.REQUESTS_OF_ONE", 2)

    (start, *_), _ = flooded(guard(reading), [A, A], get(address))

    assert start["status"] == expected
    assert ((b"retry-after", b"5") in start["headers"]) is (expected == 429)


def test_requests_of_all_together_are_bounded(monkeypatch):
    monkeypatch.setattr("slmgen.http.body_limits.REQUESTS_AT_ONCE", 1)

    (start, *_), _ = flooded(guard(reading), [A], get(B))

    assert start["status"] == 503


@pytest.mark.parametrize(("proxies", "expected"), [(1, 200), (0, 429)])
def test_behind_a_proxy_each_client_has_room_of_its_own(
    settings, monkeypatch, proxies, expected
):
    settings.SLMGEN_TRUSTED_PROXIES = proxies
    monkeypatch.setattr("slmgen.http.body_limits.REQUESTS_OF_ONE", 1)
    scope = get("127.0.0.1", [(b"x-forwarded-for", b"203.0.113.9")])

    (start, *_), _ = flooded(guard(reading), ["127.0.0.1"], scope)

    assert start["status"] == expected


def test_an_event_stream_takes_no_room_from_requests(monkeypatch):
    monkeypatch.setattr("slmgen.http.body_limits.REQUESTS_OF_ONE", 1)

    async def streaming(scope, receive, send):
        headers = [(b"Content-Type", b"text/event-stream")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await asyncio.sleep(60)

    async def flood():
        app, sent = guard(streaming), [[], []]
        for one in sent:
            following = asyncio.create_task(app(get(A), _empty, _into(one)))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            following.cancel()
        return sent

    assert [one[0]["status"] for one in asyncio.run(flood())] == [200, 200]


def test_a_place_is_free_again_after_every_end(monkeypatch):
    monkeypatch.setattr("slmgen.http.body_limits.REQUESTS_AT_ONCE", 1)
    monkeypatch.setattr("slmgen.http.body_limits.BODIES_AT_ONCE", 1)

    async def failing(scope, receive, send):
        await receive()
        raise OSError(5, "Input/output error")

    async def several():
        app = guard(failing)
        for _ in range(3):
            with pytest.raises(OSError, match="Input"):
                await drip(app, 0, [])

    asyncio.run(several())
