"""What nginx and Caddy write down holds no key to anybody's data."""

import os
import socket
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from tests.conftest import GUARD_SECONDS, free_port, until
from tests.deploy.proxies import (
    NGINX,
    caddy_text,
    listening,
    needs_caddy,
    needs_nginx,
    nginx_file,
    process,
)

SECRET = "c0ffee00-5ec2-4e75-8e2d"
PATHS = [
    f"/analyze/{SECRET}",
    f"/data/{SECRET}",
    f"/download/slmgen-{SECRET}.ipynb",
    f"/app/account/password/reset/key/1-{SECRET}/",
    f"/app/datasets/{SECRET}/",
    f"/{SECRET}",
    f"/models?key={SECRET}",
    f"/app/?{SECRET}",
    f"/%2e/{SECRET}/../{SECRET}",
]


class Answers(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args):
        """Nothing."""


@contextmanager
def backend(alive):
    if not alive:
        yield free_port()
        return
    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


def ask(address):
    """Every kind of request that can hold a secret; gives the statuses."""
    headers = {
        "Referer": f"https://slmgen.example.org/data/{SECRET}",
        "Cookie": f"__Host-sessionid={SECRET}",
        "Authorization": f"Bearer {SECRET}",
        "User-Agent": SECRET,
    }
    with httpx.Client(
        base_url=address,
        headers=headers,
        verify=False,  # noqa: S501  # its own certificate
        timeout=GUARD_SECONDS,
    ) as client:
        found = [client.get(path).status_code for path in PATHS]
        large = client.post(f"/data/{SECRET}", content=b"x" * 3_000_000)
    return {*found, large.status_code}


def broken(port):
    """A request that is none: it is refused before anybody knows for which site."""
    with socket.create_connection(("127.0.0.1", port), timeout=GUARD_SECONDS) as one:
        one.sendall(f"GET /data/{SECRET} HTTP/1.1\r\nX\x00: {SECRET}\r\n\r\n".encode())
        return one.recv(100)


def answers(address):
    try:
        httpx.get(address, verify=False, timeout=GUARD_SECONDS)  # noqa: S501  # as above
    except httpx.TransportError:
        return False
    return True


@needs_nginx
@pytest.mark.parametrize("alive", [True, False], ids=["answering", "down"])
def test_the_logs_of_nginx_hold_no_secret(tmp_path, alive):
    plain, encrypted = free_port(), free_port()
    with backend(alive) as port:
        whole = nginx_file(tmp_path, listening(NGINX, plain, encrypted, port))
        with process(["nginx", "-c", str(whole), "-g", "daemon off;"]):
            until(lambda: answers(f"http://127.0.0.1:{plain}/health"))
            statuses = ask(f"https://127.0.0.1:{encrypted}")
            redirected = ask(f"http://127.0.0.1:{plain}")
            refused = broken(plain)

    logs = {file.name: file.read_text() for file in tmp_path.glob("*.log")}
    assert statuses == ({200, 413} if alive else {502, 413})
    assert redirected == {301}
    assert b" 400 " in refused
    assert [name for name, text in logs.items() if SECRET in text] == []
    # And still one sees what was asked for and how it ended.
    assert '"GET /analyze/*" 200 ' in logs["slmgen.log"] or not alive
    assert '"GET /analyze/*" 502 ' in logs["slmgen.log"] or alive
    assert '"POST /data/*" 413 ' in logs["slmgen.log"]
    assert '"GET /*" 301 ' in logs["slmgen.log"]
    assert logs["main-access.log"] == ""


@needs_caddy
@pytest.mark.parametrize("alive", [True, False], ids=["answering", "down"])
def test_the_logs_of_caddy_hold_no_secret(tmp_path, alive):
    port, log = free_port(), tmp_path / "log"
    (tmp_path / "Caddyfile").write_text(caddy_text())
    with backend(alive) as behind, log.open("wb") as file:
        variables = {
            "SLMGEN_DOMAIN": f"http://127.0.0.1:{port}",
            "SLMGEN_BACKEND": f"127.0.0.1:{behind}",
            "HOME": str(tmp_path),
        }
        command = ["caddy", "run", "--config", "Caddyfile"]
        environment = {**os.environ, **variables}
        with process(command, cwd=tmp_path, env=environment, stderr=file):
            until(lambda: answers(f"http://127.0.0.1:{port}/health"))
            statuses = ask(f"http://127.0.0.1:{port}")

    text = log.read_text()
    assert statuses >= ({200} if alive else {502})
    assert SECRET not in text
    assert '"status":502' in text or alive  # failures are told
