"""OpenTelemetry traces, where a collector is configured and the packages are installed.

A span holds what a log line may hold: no content, file names, tokens, queries or whole
ids. The messages of exceptions are left out, because they may quote a user's data.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution
from typing import TYPE_CHECKING

from django.conf import settings

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

PACKAGES = ("opentelemetry-sdk", "opentelemetry-exporter-otlp-proto-http")


@dataclass
class Step:
    """What a span will carry when it ends. One without a name is not sent."""

    name: str = ""
    attributes: dict[str, str | int] = field(default_factory=dict)
    failure: str = ""  # the kind of failure, in one word


def missing_packages() -> list[str]:
    return [name for name in PACKAGES if not _is_installed(name)]


def _is_installed(package: str) -> bool:
    try:
        distribution(package)
    except PackageNotFoundError:
        return False
    return True


@contextmanager
def step(kind: str) -> Iterator[Step]:
    """Opens a span of `kind`, one of OpenTelemetry's. Steps inside it become its
    children."""
    details = Step()
    tracer = _tracer()
    if tracer is None:
        yield details
        return
    # Imported late: most servers run without it.
    from opentelemetry.trace import SpanKind, StatusCode, use_span

    span = tracer.start_span(kind, kind=SpanKind[kind])
    try:
        with use_span(span, record_exception=False, set_status_on_exception=False):
            yield details
    finally:
        if details.name:  # a span that never ends is never sent
            span.update_name(details.name)
            span.set_attributes(details.attributes)
            if details.failure:
                span.set_attribute("error.type", details.failure)
                span.set_status(StatusCode.ERROR)
            span.end()


@cache  # created at the first step: its exporter thread must not be forked
def _tracer() -> "Tracer | None":
    if not settings.TRACES or missing_packages():
        return None
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import OTELResourceDetector, Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    named = Resource({"service.name": "slmgen"}).merge(OTELResourceDetector().detect())
    provider = TracerProvider(resource=named)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider.get_tracer("slmgen")
