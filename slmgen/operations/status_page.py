"""The status page for staff: queue, storage, disk, versions."""

import platform
import shutil
import sqlite3
from dataclasses import asdict, dataclass
from pathlib import Path

import django
from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Count, Min, Sum
from django.db.models.functions import Now
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.defaultfilters import filesizeformat

from datasets.core.validation.native import is_built
from datasets.models import Dataset, State, WorkItem, work_kinds
from jobs.maintenance import purge_expired
from jobs.models import Job, TrainingPoint
from notebooks.models import Notebook
from recommender.services import catalog
from slmgen.audit.services import audit
from slmgen.operations.health import dependency_status
from slmgen.support.read_only_admin import age

LEAST_FREE = 0.05  # share of a disk
MAY_VIEW = "audit.view_server_status"
MAY_PURGE = "jobs.change_trainingrun"


@dataclass(frozen=True)
class StatusFact:
    name: str
    value: str
    is_bad: bool = False


def page(request: HttpRequest) -> HttpResponse:
    """Shows the status; POST deletes what has expired."""
    if not request.user.has_perm(MAY_VIEW):
        raise PermissionDenied
    may_purge = request.user.has_perm(MAY_PURGE)
    if request.method == "POST":
        if not may_purge:
            raise PermissionDenied
        return _purged(request)
    groups = {
        "Readiness": _readiness(),
        "Queue": _queue(),
        "Jobs": _jobs(),
        "Storage": _storage(),
        "Disk": _disk(),
        "Versions": _versions(),
    }
    context = {"title": "Status", "groups": groups, "may_purge": may_purge}
    context |= admin.site.each_context(request)
    return render(request, "admin/status.html", context)


def _purged(request: HttpRequest) -> HttpResponse:
    counts = asdict(purge_expired())
    audit(request.user, "purge expired")
    words = ", ".join(f"{name.replace('_', ' ')} {n}" for name, n in counts.items())
    messages.success(request, f"Removed: {words}.")
    return redirect("admin-status")


def _readiness() -> list[StatusFact]:
    return [
        StatusFact(name, state, state != "ok")
        for name, state in dependency_status().items()
    ]


def _queue() -> list[StatusFact]:
    labels = dict(work_kinds())
    counts = WorkItem.objects.values_list("kind", "state").annotate(n=Count("pk"))
    waiting = WorkItem.objects.filter(state=State.QUEUED)
    oldest = waiting.aggregate(at=Min("created_at"))["at"]
    lost = WorkItem.objects.filter(state=State.RUNNING, lease_until__lt=Now())
    return [
        *(
            StatusFact(f"{labels.get(kind, kind)}, {State(state).label}", f"{count:,}")
            for kind, state, count in counts.order_by("kind", "state")
        ),
        StatusFact("Oldest that waits", age(oldest) if oldest else "none"),
        StatusFact("Workers lost", f"{lost.count():,}", lost.exists()),
    ]


def _jobs() -> list[StatusFact]:
    counts = dict(Job.objects.values_list("status").annotate(Count("pk")).order_by())
    return [
        StatusFact(status.label, f"{counts.get(status.value, 0):,}")
        for status in Job.Status
    ]


def _storage() -> list[StatusFact]:
    data = Dataset.objects.filter(emptied_at=None).aggregate(
        n=Count("pk"), a=Sum("size"), b=Sum("examples_bytes")
    )
    made = Notebook.objects.aggregate(n=Count("pk"), size=Sum("size"))
    stored = (data["a"] or 0) + (data["b"] or 0)
    return [
        StatusFact("Datasets", f"{data['n']:,} with {filesizeformat(stored)}"),
        StatusFact(
            "Notebooks", f"{made['n']:,} with {filesizeformat(made['size'] or 0)}"
        ),
        StatusFact("Points of trainings", f"{TrainingPoint.objects.count():,}"),
        StatusFact("Database", filesizeformat(_database_bytes())),
    ]


def _database_bytes() -> int:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_database_size(current_database())")
            return int(cursor.fetchone()[0])
    file = Path(str(settings.DATABASES["default"]["NAME"]))
    return file.stat().st_size if file.exists() else 0  # in memory in tests


def _disk() -> list[StatusFact]:
    disk = shutil.disk_usage(settings.VAR)
    share = disk.free / disk.total
    return [
        StatusFact(
            "Free", f"{filesizeformat(disk.free)}, {share:.0%}", share < LEAST_FREE
        ),
        StatusFact("Size", filesizeformat(disk.total)),
    ]


def _versions() -> list[StatusFact]:
    executor = MigrationExecutor(connection)
    missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return [
        StatusFact("SLMGEN", str(settings.SPECTACULAR_SETTINGS["VERSION"])),
        StatusFact("Catalog of models", str(catalog().version)),
        StatusFact("Python", platform.python_version()),
        StatusFact("Django", django.get_version()),
        StatusFact("SQLite", sqlite3.sqlite_version),
        StatusFact(
            "Native code", "in use" if is_built() else "not compiled: install cargo"
        ),
        StatusFact("Migrations not applied", str(len(missing)), bool(missing)),
    ]
