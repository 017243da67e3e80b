"""Counts of requests for Prometheus, kept by all processes of this host together.

prometheus_client writes them to files in PROMETHEUS_MULTIPROC_DIR, which the settings
set before this module is imported.
"""

from django.conf import settings
from prometheus_client import Counter, Histogram

REQUESTS = Counter(
    "slmgen_requests", "Requests by route and status.", ["method", "route", "status"]
)
SECONDS = Histogram(
    "slmgen_request_seconds",
    "Time until the answer began.",
    ["route"],
    buckets=(0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30),
)
METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}


def observe(method: str, route: str, status: int, seconds: float) -> None:
    if not settings.SLMGEN_METRICS_TOKEN:
        return
    known = method if method in METHODS else "other"  # clients can invent methods
    REQUESTS.labels(known, route, str(status)).inc()
    SECONDS.labels(route).observe(seconds)
