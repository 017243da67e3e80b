"""No file keeps the server from answering others.

Each is sent as a stranger would, and everything about it is then asked for, while a
second client asks for `/health`: it is answered at once, and nothing is a server error.
"""

import gzip
import http.client
import io
import json
import os
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import httpx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.conftest import GUARD_SECONDS

MOST_SECONDS = 0.5  # that one request may keep the interpreter from all others
MB = 10**6


def rows(*texts, count=1):
    """JSON Lines with these answers."""
    return b"".join(
        json.dumps(
            {
                "messages": [
                    {"role": "user", "content": f"Question {n}?"},
                    {"role": "assistant", "content": text},
                ]
            }
        ).encode()
        + b"\n"
        for n, text in enumerate(texts * count)
    )


def parquet(table):
    file = io.BytesIO()
    pq.write_table(table, file)
    return file.getvalue()


def many_times_one_message():
    message = {"role": "user", "content": "x" * 100}
    return parquet(pa.table({"messages": pa.array([[message] * 3_000_000])}))


def many_calls():
    calls = [
        {
            "id": f"c{n}",
            "type": "function",
            "function": {"name": "f", "arguments": "{}"},
        }
        for n in range(24_000)
    ]
    results = [
        {"role": "tool", "tool_call_id": f"c{23_999 - n}", "content": "1"}
        for n in range(1_990)
    ]
    asked = [
        {"role": "user", "content": "?"},
        {"role": "assistant", "tool_calls": calls},
    ]
    answer = [{"role": "assistant", "content": "Done."}]
    return json.dumps({"messages": asked + results + answer}).encode() + rows("a")


def many_values(count):
    """As many lists beside the messages."""
    asked = rows("a")[:-2]
    return (asked + b', "tools": [' + b"[]," * count + b"[]]}\n") * 2


def many_observations():
    turns = [
        {"from": "human", "value": "?"},
        {"from": "function_call", "value": json.dumps([{"name": "f"}] * 100_000)},
        *[{"from": "observation", "value": "1"}] * 100_000,
        {"from": "gpt", "value": "Done."},
    ]
    return json.dumps([{"conversations": turns}]).encode()


def many_faults():
    messages = [
        {
            "role": ("user", "assistant")[n % 2],
            "content": "caf\u00c3\u00a9 <|im_end|> TODO",
        }
        for n in range(900)
    ]
    return json.dumps({"messages": messages}).encode() * 1 + b"\n" + rows("a") * 20


FILES = {
    "Parquet: one message three million times": many_times_one_message,
    "CSV: a million columns": lambda: b"a," * 4_000_000 + b"b\n" + b"1,2\n",
    "CSV: 20,000 columns": lambda: ",".join(map(str, range(20_000))).encode(),
    "telephone numbers": lambda: rows((" +" + "1" * 24) * 30_000),
    "tokens that never end": lambda: rows(
        "-eyJ" + "A" * 30, "-eyJAAAAAAAAAA" * 140_000
    ),
    "white space": lambda: rows((" " * 199_999 + "x") * 8),
    "a string that never ends": lambda: b'{"a": [' + b"[]," * 99 + b'"' + b'\\"a' * MB,
    "brackets": lambda: b"[" * 4 * MB,
    "an element that never ends": lambda: b'[{"a": "' + b"x" * 12 * MB,
    "long rows": lambda: rows("word " * 400_000, count=9),
    "one letter": lambda: rows("a" * MB, "!" * 500_000, "\u4e00" * 300_000),
    "many calls": many_calls,
    "lists": lambda: many_values(30_000),
    "keys": lambda: (
        rows("a")[:-2] + b"".join(b', "%d": 1' % n for n in range(20_000)) + b"}\n"
    ),
    "lists: far too many": lambda: many_values(100_000) + rows("a") * 40,
    "many observations": many_observations,
    "many faults": many_faults,
    "short rows, all alike": lambda: rows("The same answer.", count=20_000),
    "gzip: what unpacks to much": lambda: gzip.compress(rows("a b c", count=100_000)),
}
AFTERWARDS = (
    "/analyze/{id}", "/preview/{id}?page_size=100", "/preview/{id}/distribution",
    "/preview/{id}/duplicates", "/datasets/{id}/problems", "/datasets/{id}/insights",
    "/datasets/{id}/mapping", "/datasets/{id}/contexts",
    "/datasets/{id}/export?format=sharegpt", "/app/datasets/{id}/",
    "/app/datasets/{id}/?text=zebra", "/app/datasets/{id}/rows/1/",
    "/app/datasets/{id}/columns/", "/app/datasets/{id}/roles/",
    "/app/datasets/{id}/closer/", "/app/datasets/{id}/problems/",
    "/app/datasets/{id}/repair/?do=mask_private",
    "/app/datasets/{id}/repair/?do=drop_near_duplicates", "/app/datasets/{id}/model/",
    "/app/datasets/{id}/training/",
)  # fmt: skip


def web_of(port):
    """The web process that serves there."""
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = place.read_bytes().split(b"\0")
        except OSError:  # ended meanwhile
            continue
        if b"slmgen.asgi:application" in command and str(port).encode() in command:
            return place.parent
    raise AssertionError("no web process was found")


def cpu_seconds(process):
    """What a process of Linux has computed, in all of its threads."""
    user, system = (process / "stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


class SecondClient:
    """Asks for `/health` again and again, and keeps the longest time that the web
    process kept it waiting by its own computing: what others compute on the same
    machine says nothing of it."""

    def __init__(self, port):
        self.port = port
        self.web = web_of(port)
        self.longest = 0.0

    @contextmanager
    def asking(self):
        stop = threading.Event()

        def ask():
            while not stop.wait(0.01):
                begun, computed = time.monotonic(), cpu_seconds(self.web)
                # A connection each: a client that rests for long would lose its own.
                one = http.client.HTTPConnection("127.0.0.1", self.port)
                one.request("GET", "/health")
                assert one.getresponse().read()
                waited = time.monotonic() - begun
                held = cpu_seconds(self.web) - computed
                self.longest = max(self.longest, min(waited, held))
                one.close()

        thread = threading.Thread(target=ask)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()


@pytest.fixture(scope="module")
def warm(server):
    """The server after it has loaded what it loads once: vocabularies, templates."""
    port, _ = server
    with httpx.Client(
        base_url=f"http://127.0.0.1:{port}", timeout=GUARD_SECONDS
    ) as client:
        ask_for_everything(client, rows("An answer.", count=20))
        yield port, client


@pytest.mark.skipif(sys.platform != "linux", reason="read from /proc, which Linux has")
@pytest.mark.parametrize("name", FILES)
def test_a_file_keeps_the_server_from_nobody(warm, name):
    port, client = warm
    second = SecondClient(port)
    with second.asking():
        ask_for_everything(client, FILES[name]())

    assert second.longest < MOST_SECONDS


def ask_for_everything(client, content):
    answer = client.post("/upload", files={"file": ("data", content)})
    assert answer.status_code in {200, 400, 413}, answer.text
    assert len(answer.content) < 20_000
    if answer.status_code == 200:
        session = answer.json()["session_id"]
        for path in AFTERWARDS:
            with client.stream("GET", path.replace("{id}", session)) as found:
                assert found.status_code < 500, path
                for _ in found.iter_raw():
                    pass
