"""Whoever connects, and says nothing or little, keeps nobody else out."""

import asyncio
import http.client
import socket
from contextlib import ExitStack, asynccontextmanager

import pytest
from django.core.checks import run_checks
from uvicorn.config import Config
from uvicorn.server import ServerState

from slmgen.http import body_limits, head_timeout
from slmgen.http.head_timeout import HeadTimeoutProtocol, Waiting
from slmgen.processes import open_files
from tests.conftest import started

HALF_A_HEAD = b"GET / HTTP/1.1\r\nHost: localhost\r\nX: "
WHOLE = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
NO_BODY_YET = (
    b"POST /upload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 900000\r\n"
    b"Content-Type: multipart/form-data; boundary=b\r\n\r\n"
)
UPGRADE = WHOLE[:-2] + b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
# Sooner than a silent connection is closed for its silence.
SECONDS = head_timeout.SECONDS_FOR_A_HEAD - 5


@pytest.fixture(scope="module")
def port(tmp_path_factory):
    with started(tmp_path_factory.mktemp("var")) as running:
        yield running[0]


def status(port, address):
    client = http.client.HTTPConnection(
        "127.0.0.1", port, timeout=SECONDS, source_address=(address, 0)
    )
    client.request("GET", "/models")
    answer = client.getresponse().status
    client.close()
    return answer


@pytest.fixture
def flood(port):
    """flood(500, b"...") connects so often and sends that; gives the connections."""
    with ExitStack() as stack:

        def connected(count, sent, answered=False):
            made = []
            for _ in range(count):
                one = socket.create_connection(("127.0.0.1", port), timeout=SECONDS)
                made.append(stack.enter_context(one))
                one.sendall(sent)
                if answered:
                    assert one.recv(12) == b"HTTP/1.1 200"
            return made

        yield connected


@pytest.mark.parametrize("address", ["127.0.0.2", "127.0.0.1"])
@pytest.mark.parametrize(
    ("count", "sent", "answered"),
    [(500, b"", False), (700, b"", False), (700, HALF_A_HEAD, False),
     (520, WHOLE, True), (200, NO_BODY_YET, False)],
    ids=["silent", "more than may wait", "half a head", "kept alive", "no body"],
)  # fmt: skip
def test_a_flood_keeps_nobody_out(port, flood, count, sent, answered, address):
    """Neither somebody else nor another client at the address of the flood."""
    flood(count, sent, answered)

    assert [status(port, address) for _ in range(3)] == [200, 200, 200]


def test_slow_bodies_of_one_address_leave_room_for_those_of_another(port, flood):
    flood(body_limits.BODIES_OF_ONE, NO_BODY_YET)
    (refused,) = flood(1, NO_BODY_YET)
    other = socket.create_connection(
        ("127.0.0.1", port), timeout=SECONDS, source_address=("127.0.0.2", 0)
    )
    with other:
        other.sendall(NO_BODY_YET.replace(b"900000", b"5") + b"--b--")

        assert refused.recv(12) == b"HTTP/1.1 429"
        assert other.recv(12) == b"HTTP/1.1 400"  # received whole: it holds no file


# One connection after another, on a server that lets few wait


class NarrowProtocol(HeadTimeoutProtocol):
    waiting = Waiting()
    head_seconds = 60.0


@asynccontextmanager
async def serving(app):
    config = Config(app, http=NarrowProtocol, lifespan="off", ws="none")
    config.load()
    state = ServerState()
    server = await asyncio.get_running_loop().create_server(
        lambda: NarrowProtocol(config, state, {}), "127.0.0.1", 0
    )
    opened = []

    async def connect(address, sent=b""):
        pair = await asyncio.open_connection(
            "127.0.0.1", server.sockets[0].getsockname()[1], local_addr=(address, 0)
        )
        opened.append(pair[1])
        pair[1].write(sent)
        while not any(one.client == pair[1].get_extra_info("sockname")
                      for one in list(state.connections)):  # fmt: skip
            await asyncio.sleep(0)
        return pair[0]

    try:
        async with asyncio.timeout(SECONDS):
            yield connect
    finally:
        for writer in opened:
            writer.close()
        server.close()
        while state.connections or state.tasks:
            await asyncio.sleep(0.01)


async def answering(scope, receive, send):
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})


async def never(scope, receive, send):
    while (await receive())["type"] != "http.disconnect":
        continue


def test_the_oldest_of_the_client_with_most_is_closed(monkeypatch):
    monkeypatch.setattr(head_timeout, "MOST_WAITING", 4)

    async def run():
        async with serving(answering) as connect:
            lone = await connect("127.0.0.2")
            first, second, third = [await connect("127.0.0.1") for _ in range(3)]
            await connect("127.0.0.3")
            closed = await first.read()
            assert not any(one.at_eof() for one in (lone, second, third))
            return closed

    assert asyncio.run(run()) == b""


def test_a_connection_that_is_answered_does_not_wait(monkeypatch):
    monkeypatch.setattr(head_timeout, "MOST_WAITING", 1)

    async def run():
        async with serving(never) as connect:
            asked = [await connect("127.0.0.1", WHOLE) for _ in range(3)]
            silent = await connect("127.0.0.1")
            last = await connect("127.0.0.1")
            closed = await silent.read()
            assert not any(one.at_eof() for one in (*asked, last))
            return closed

    assert asyncio.run(run()) == b""


def test_requests_in_a_row_are_answered_in_a_row(monkeypatch):
    """Sent at one go, which HTTP calls pipelining."""

    async def run():
        async with serving(answering) as connect:
            reader = await connect("127.0.0.1", WHOLE * 3)
            answers = [await reader.readuntil(b"\r\n\r\n") for _ in range(3)]
            return [answer[:12] for answer in answers]

    assert asyncio.run(run()) == [b"HTTP/1.1 204"] * 3


def test_a_wish_for_a_websocket_is_answered_as_http(port, flood):
    (one,) = flood(1, UPGRADE)

    assert one.recv(12) == b"HTTP/1.1 200"


@pytest.mark.skipif(
    not hasattr(socket, "TCP_USER_TIMEOUT"), reason="only Linux ends such connections"
)
def test_an_answer_that_nobody_reads_is_given_up(monkeypatch):
    monkeypatch.setattr(head_timeout, "SECONDS_UNREAD", 1)
    ended = []

    async def endless(scope, receive, send):
        await receive()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        gone = asyncio.create_task(receive())
        while not gone.done():
            piece = {"body": b"x" * 100_000, "more_body": True}
            await send({"type": "http.response.body", **piece})
        ended.append(gone.result()["type"])

    async def run():
        async with serving(endless) as connect:
            await connect("127.0.0.1", WHOLE)  # and reads no more than its buffers take
            while not ended:
                await asyncio.sleep(0.05)

    asyncio.run(run())

    assert ended == ["http.disconnect"]


# Files


def test_the_limit_on_open_files_is_raised_and_never_lowered(monkeypatch):
    limits = {"now": (256, 10_000)}
    monkeypatch.setattr(open_files.resource, "getrlimit", lambda _: limits["now"])
    monkeypatch.setattr(
        open_files.resource, "setrlimit", lambda _, wanted: limits.update(now=wanted)
    )

    open_files.raise_limit()
    assert limits["now"] == (open_files.NEEDED, 10_000)

    limits["now"] = (9_000, 10_000)
    open_files.raise_limit()
    assert limits["now"] == (9_000, 10_000)

    limits["now"] = (256, 1_024)
    open_files.raise_limit()
    assert limits["now"] == (1_024, 1_024)


def test_too_few_open_files_are_named(monkeypatch):
    monkeypatch.setattr(open_files.resource, "getrlimit", lambda _: (256, 1_024))

    (found,) = [one for one in run_checks() if one.id == "slmgen.W002"]

    assert "1,024 files and connections open; a busy server needs 4,096" in found.msg
