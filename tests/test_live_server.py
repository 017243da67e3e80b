"""What only a real server over a real socket can show."""

import asyncio
import json
import socket
from pathlib import Path

import httpx
import pytest
from uvicorn.config import Config
from uvicorn.server import ServerState

from slmgen.http.head_timeout import HeadTimeoutProtocol, Waiting
from slmgen.http.middleware import SAFE_HEADERS
from tests.conftest import GUARD_SECONDS, until
from tests.factories import make_lines


@pytest.fixture
def var(server):
    return Path(server[1]["SLMGEN_VAR"])


def files_of(var):
    return {
        path
        for folder in ("files", "tmp")
        for path in (var / folder).rglob("*")
        if path.is_file()
    }


def head(length):
    return (
        "POST /upload HTTP/1.1\r\nHost: localhost\r\n"
        f"Content-Type: multipart/form-data; boundary=b\r\nContent-Length: {length}\r\n"
    ).encode()


def test_an_upload_that_stops_halfway_leaves_nothing(server, var):
    before = files_of(var)
    with socket.create_connection(
        ("127.0.0.1", server[0]), timeout=GUARD_SECONDS
    ) as connection:
        connection.sendall(head(10_000_000) + b"\r\n--b\r\n")
        connection.sendall(
            b'Content-Disposition: form-data; name="file"; filename="a"\r\n'
        )
        connection.sendall(b"\r\n" + make_lines(20_000))

    until(lambda: files_of(var) == before)


def test_a_large_upload_is_refused_before_its_body(server):
    with socket.create_connection(
        ("127.0.0.1", server[0]), timeout=GUARD_SECONDS
    ) as connection:
        connection.sendall(head(10**10) + b"\r\n")
        with connection.makefile("rb") as file:
            answer = file.read()  # to the end: the server closes

    assert answer.startswith(b"HTTP/1.1 413")
    assert b'"detail"' in answer


def test_a_body_without_length_is_411(server):
    def chunks():
        yield b"x"

    answer = httpx.post(
        f"http://127.0.0.1:{server[0]}/upload", content=chunks(), timeout=GUARD_SECONDS
    )

    assert answer.status_code == 411


def test_the_whole_way_over_http(server):
    with httpx.Client(
        base_url=f"http://127.0.0.1:{server[0]}", timeout=GUARD_SECONDS
    ) as client:
        session = client.post("/upload", files={"file": make_lines()}).json()
        made = client.post("/generate", json={"session_id": session["session_id"]})
        notebook = client.get(made.json()["download_url"])

    assert json.loads(notebook.content)["nbformat"] == 4
    assert notebook.headers["X-Content-Type-Options"] == "nosniff"


def test_a_connection_that_says_nothing_is_closed():
    """A few hundred of them would be all that the server takes."""

    async def run():
        config = Config("tests.test_live_server:nothing", http=ImpatientProtocol)
        config.load()
        state = ServerState()
        server = await asyncio.get_running_loop().create_server(
            lambda: ImpatientProtocol(config, state, {}), "127.0.0.1", 0
        )
        port = server.sockets[0].getsockname()[1]
        answers = []
        for head in (b"", b"GET / HTTP/1.1\r\nHost: a\r\nX: "):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(head)
            answers.append(await asyncio.wait_for(reader.read(), GUARD_SECONDS))
            writer.close()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        whole = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), GUARD_SECONDS)
        writer.close()
        server.close()
        await asyncio.sleep(0.3)
        return answers, whole

    answers, whole = asyncio.run(run())

    assert answers == [b"", b""]
    assert whole.startswith(b"HTTP/1.1 204")


class ImpatientProtocol(HeadTimeoutProtocol):
    waiting = Waiting()
    head_seconds = 0.1


async def nothing(scope, receive, send):
    await asyncio.sleep(0.3)  # longer than a head may take
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def test_a_client_that_is_still_sending_sees_the_refusal(server):
    answer = httpx.post(
        f"http://127.0.0.1:{server[0]}/recommend",
        content=b"x" * 20_000_000,
        timeout=GUARD_SECONDS,
    )

    assert answer.status_code == 413
    assert list(answer.json()) == ["detail"]


def test_static_files_are_as_safe_as_pages_and_kept_by_browsers(server):
    address = f"http://127.0.0.1:{server[0]}/static/css/slmgen.css"
    first = httpx.get(address)

    known = {"If-Modified-Since": first.headers["Last-Modified"]}
    again = httpx.get(address, headers=known)

    assert (first.status_code, again.status_code) == (200, 304)
    for answer in (first, again):
        for name, value in SAFE_HEADERS.items():
            assert answer.headers[name] == value
        assert "no-store" not in answer.headers["Cache-Control"]
