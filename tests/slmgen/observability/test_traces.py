"""What a collector receives: real spans of a running server, sent over HTTP."""

import os
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest
from django.core.checks import run_checks
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from datasets.models import Kind
from datasets.work import engine
from slmgen.observability import traces
from tests.conftest import REPO, started
from tests.factories import jsonl, make_conversation, make_dataset

CANARY = "canary-7f3a"
SECRET = f"collector-{CANARY}"


@contextmanager
def collector():
    """Gives its address and the list of what it was sent: path, headers and body."""
    received = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.append((self.path, self.headers, body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", received
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def spans(received):
    """By their names: the last of each, and of which service."""
    found = {}
    for _, _, body in received:
        for part in ExportTraceServiceRequest.FromString(body).resource_spans:
            service = values(part.resource)["service.name"]
            for scope in part.scope_spans:
                found |= {span.name: (service, span) for span in scope.spans}
    return found


def values(told):
    return {
        one.key: one.value.string_value or one.value.int_value
        for one in told.attributes
    }


def wait_for(name, received):
    deadline = time.monotonic() + 30
    while name not in spans(received):
        assert time.monotonic() < deadline, sorted(spans(received))
        time.sleep(0.1)
    return spans(received)[name]


@pytest.fixture(scope="module")
def traced(tmp_path_factory):
    """A server with a worker that was asked for this and that; what was received."""
    var = tmp_path_factory.mktemp("var")
    (var / "headers").write_text(f"x-key={SECRET}", encoding="utf-8")
    with (
        collector() as (address, received),
        started(
            var,
            OTEL_EXPORTER_OTLP_ENDPOINT=address,
            OTEL_EXPORTER_OTLP_HEADERS_FILE=str(var / "headers"),
            OTEL_BSP_SCHEDULE_DELAY="50",
            SLMGEN_INLINE_ANALYSIS_MB="0",
        ) as (port, _),
        httpx.Client(base_url=f"http://localhost:{port}", timeout=60) as client,
    ):
        content = jsonl([make_conversation(CANARY, CANARY)])
        files = {"file": (f"{CANARY}.jsonl", content)}
        uploaded = client.post("/upload", files=files)
        session = uploaded.json()["session_id"]
        client.get(f"/analyze/{session}")
        headers = {"Authorization": f"Bearer {CANARY}", "Cookie": f"sessionid={CANARY}"}
        client.get(f"/jobs?limit={CANARY}", headers=headers)
        client.request(CANARY.upper(), f"/nothing/{CANARY}?q={CANARY}")
        client.get("/health")
        client.get("/static/css/slmgen.css")
        for name in ("POST /upload", "work analysis", "GET /jobs", "_OTHER no route"):
            wait_for(name, received)
        yield uploaded, received


def test_a_request_is_told_with_the_id_of_its_log_lines(traced):
    uploaded, received = traced

    service, span = spans(received)["POST /upload"]

    assert service == "slmgen"
    assert span.kind == Span.SPAN_KIND_SERVER
    assert span.end_time_unix_nano > span.start_time_unix_nano
    assert values(span) == {
        "http.request.method": "POST",
        "http.route": "/upload",
        "http.response.status_code": 200,
        "slmgen.request_id": uploaded.headers["X-Request-ID"],
    }


def test_work_is_told_by_kind_attempt_and_state(traced):
    _, received = traced

    _, span = spans(received)["work analysis"]

    told = values(span)
    assert span.kind == Span.SPAN_KIND_CONSUMER
    assert len(told.pop("slmgen.work.id")) == 8
    assert told == {
        "slmgen.work.kind": "analysis",
        "slmgen.work.attempt": 1,
        "slmgen.work.state": "done",
    }


def test_a_span_holds_no_content_name_token_query_or_whole_id(traced):
    uploaded, received = traced
    session = uploaded.json()["session_id"]

    sent = b"".join(body for _, _, body in received)

    assert b"/analyze/<str:session_id>" in sent
    for secret in (CANARY, CANARY.upper(), session, session.replace("-", "")):
        assert secret.encode() not in sent
    assert {path for path, _, _ in received} == {"/v1/traces"}
    assert {headers["x-key"] for _, headers, _ in received} == {SECRET}


def test_health_and_static_files_are_not_told(traced):
    _, received = traced

    names = set(spans(received))

    assert names == {
        "POST /upload", "GET /analyze/<str:session_id>", "work analysis", "GET /jobs",
        "_OTHER no route",
    }  # fmt: skip


@pytest.fixture
def here(settings, monkeypatch):
    """Traces of this process, to a collector that is asked when they were sent."""
    with collector() as (address, received):
        settings.TRACES = True
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", address)
        monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
        traces._tracer.cache_clear()
        yield received
        traces._tracer().span_processor.shutdown()
        traces._tracer.cache_clear()


@pytest.mark.django_db
def test_work_that_breaks_is_told_without_the_words_of_its_failure(here, monkeypatch):
    def broken(claim):
        raise RuntimeError(CANARY)

    item = engine.enqueue(make_dataset(), Kind.INSIGHTS)
    monkeypatch.setitem(engine.HANDLERS, Kind.INSIGHTS, broken)

    engine.work_on(item.pk)

    _, span = wait_for("work insights", here)
    assert span.status.code == Status.STATUS_CODE_ERROR
    assert values(span)["error.type"] == "RuntimeError"
    assert values(span)["slmgen.work.state"] == "queued"
    assert CANARY.encode() not in b"".join(body for _, _, body in here)


def test_missing_packages_stop_the_start_with_what_to_install(settings, monkeypatch):
    settings.TRACES = True
    monkeypatch.setattr(traces, "PACKAGES", ("opentelemetry-sdk", "not-installed"))

    (found,) = [one for one in run_checks() if one.id == "slmgen.E005"]

    assert found.msg.endswith("these packages are missing: not-installed.")
    assert "pip install -r requirements-traces.lock" in found.hint


def test_without_a_collector_nothing_that_sends_is_loaded(tmp_path):
    code = (
        "import sys, django; django.setup(); from django.test import Client; "
        "assert Client().get('/health', HTTP_HOST='localhost').status_code == 200; "
        "print([name for name in sys.modules if 'opentelemetry.exporter' in name])"
    )
    place = {"DJANGO_SETTINGS_MODULE": "slmgen.settings", "SLMGEN_VAR": str(tmp_path)}

    done = subprocess.run(
        [sys.executable, "-c", code], cwd=REPO, env={**os.environ, **place},
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip

    assert done.stdout == "[]\n", done.stderr
