"""The /metrics endpoint for Prometheus, open to those with its token."""

import hmac
import shutil
from collections.abc import Iterator

from django.conf import settings
from django.db.models import Count, Model, Sum
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from datasets.models import Dataset, State, WorkItem
from jobs.models import Job
from slmgen.http.bearer import CHALLENGE
from slmgen.http.view_limits import counted_as


@counted_as("")
@csrf_exempt  # read-only; other methods get a 405
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    if not settings.SLMGEN_METRICS_TOKEN:
        raise Http404
    expected = f"Bearer {settings.SLMGEN_METRICS_TOKEN}".encode()
    sent = request.META.get("HTTP_AUTHORIZATION", "").encode()
    if not hmac.compare_digest(sent, expected):
        detail = "Send Authorization: Bearer with the token of SLMGEN_METRICS_TOKEN."
        answer = {"WWW-Authenticate": CHALLENGE}
        return JsonResponse({"detail": detail}, status=401, headers=answer)
    registry = CollectorRegistry()
    registry.register(Gauges())
    MultiProcessCollector(registry, str(settings.METRICS_FOLDER))  # type: ignore[no-untyped-call]  # not annotated
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


class Gauges(Collector):
    """Figures read from the database and the disk when they are asked for."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        kept = Dataset.objects.filter(emptied_at=None).aggregate(
            count=Count("pk"), sent=Sum("size"), examples=Sum("examples_bytes")
        )
        yield _gauge("datasets", "Datasets that are kept.", kept["count"])
        stored = (kept["sent"] or 0) + (kept["examples"] or 0)
        yield _gauge("stored_bytes", "Uploads and examples.", stored)
        yield _by("jobs", "Jobs by status.", Job, "status", Job.Status.values)
        yield _by("work", "Pieces of work by state.", WorkItem, "state", State.values)
        disk = shutil.disk_usage(settings.VAR)
        yield _gauge("disk_free_bytes", "Where SLMGEN_VAR lies.", disk.free)


def _gauge(name: str, words: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"slmgen_{name}", words, value=value)


def _by(
    name: str, words: str, kind: type[Model], column: str, values: list[str]
) -> GaugeMetricFamily:
    rows = kind._default_manager.order_by().values_list(column).annotate(Count("pk"))
    counts = dict(rows)
    gauge = GaugeMetricFamily(f"slmgen_{name}", words, labels=[column])
    for value in values:
        gauge.add_metric([value], counts.get(value, 0))
    return gauge
