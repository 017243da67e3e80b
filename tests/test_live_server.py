"""What only a real server over a real socket can show."""

import json
import socket
import time
from pathlib import Path

import httpx
import pytest

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
    with socket.create_connection(("127.0.0.1", server[0]), timeout=10) as connection:
        connection.sendall(head(10_000_000) + b"\r\n--b\r\n")
        connection.sendall(
            b'Content-Disposition: form-data; name="file"; filename="a"\r\n'
        )
        connection.sendall(b"\r\n" + make_lines(20_000))

    for _ in range(50):
        time.sleep(0.1)
        if files_of(var) == before:
            break
    assert files_of(var) == before


def test_a_large_upload_is_refused_before_its_body(server):
    with socket.create_connection(("127.0.0.1", server[0]), timeout=10) as connection:
        connection.sendall(head(10**10) + b"\r\n")
        with connection.makefile("rb") as file:
            answer = file.read()  # to the end: the server closes

    assert answer.startswith(b"HTTP/1.1 413")
    assert b'"detail"' in answer


def test_a_body_without_length_is_411(server):
    def chunks():
        yield b"x"

    answer = httpx.post(f"http://127.0.0.1:{server[0]}/upload", content=chunks())

    assert answer.status_code == 411


def test_the_whole_way_over_http(server):
    with httpx.Client(base_url=f"http://127.0.0.1:{server[0]}", timeout=30) as client:
        session = client.post("/upload", files={"file": make_lines()}).json()
        made = client.post("/generate", json={"session_id": session["session_id"]})
        notebook = client.get(made.json()["download_url"])

    assert json.loads(notebook.content)["nbformat"] == 4
    assert notebook.headers["X-Content-Type-Options"] == "nosniff"
