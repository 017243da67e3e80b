"""How this server is doing, for staff: queue, storage, disk, versions."""

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
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.defaultfilters import filesizeformat
from django.utils import timezone

from datasets.models import Analysis, Dataset, Insight, State
from jobs.models import Job, TrainingPoint
from jobs.upkeep import purge_expired
from notebooks.models import Notebook
from recommender.services import catalog
from slmgen.audit.services import audit
from slmgen.read_only import age
from slmgen.views import look_around

LEAST_FREE = 0.05  # of a disk
MAY_PURGE = "jobs.change_trainingrun"


@dataclass(frozen=True)
class Fact:
    name: str
    value: str
    is_bad: bool = False


def page(request: HttpRequest) -> HttpResponse:
    """Shows it; POST removes what has expired."""
    may_purge = request.user.has_perm(MAY_PURGE)
    if request.method == "POST":
        if not may_purge:
            raise PermissionDenied
        return _purged(request)
    groups = {
        "Readiness": _readiness(),
        "Queue": [*_queue(Analysis), *_queue(Insight)],
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


def _readiness() -> list[Fact]:
    return [Fact(name, said, said != "ok") for name, said in look_around().items()]


def _queue(kind: type[Analysis] | type[Insight]) -> list[Fact]:
    name = str(kind._meta.verbose_name).capitalize()
    counts = dict(kind.objects.values_list("state").annotate(Count("pk")).order_by())
    waiting = kind.objects.filter(state=State.QUEUED)
    oldest = waiting.aggregate(at=Min("dataset__created_at"))["at"]
    lost = kind.objects.filter(state=State.RUNNING, lease_until__lt=timezone.now())
    return [
        *(
            Fact(f"{name}, {state.label}", f"{counts.get(state, 0):,}")
            for state in State
        ),
        Fact(f"{name}, oldest that waits", age(oldest) if oldest else "none"),
        Fact(f"{name}, workers lost", f"{lost.count():,}", lost.exists()),
    ]


def _jobs() -> list[Fact]:
    counts = dict(Job.objects.values_list("status").annotate(Count("pk")).order_by())
    return [
        Fact(status.label, f"{counts.get(status.value, 0):,}") for status in Job.Status
    ]


def _storage() -> list[Fact]:
    data = Dataset.objects.aggregate(
        n=Count("pk"), a=Sum("size"), b=Sum("examples_bytes")
    )
    made = Notebook.objects.aggregate(n=Count("pk"), size=Sum("size"))
    stored = (data["a"] or 0) + (data["b"] or 0)
    database = Path(str(settings.DATABASES["default"]["NAME"]))
    size = database.stat().st_size if database.exists() else 0  # in memory in tests
    return [
        Fact("Datasets", f"{data['n']:,} with {filesizeformat(stored)}"),
        Fact("Notebooks", f"{made['n']:,} with {filesizeformat(made['size'] or 0)}"),
        Fact("Points of trainings", f"{TrainingPoint.objects.count():,}"),
        Fact("Database", filesizeformat(size)),
    ]


def _disk() -> list[Fact]:
    disk = shutil.disk_usage(settings.VAR)
    share = disk.free / disk.total
    return [
        Fact("Free", f"{filesizeformat(disk.free)}, {share:.0%}", share < LEAST_FREE),
        Fact("Size", filesizeformat(disk.total)),
    ]


def _versions() -> list[Fact]:
    executor = MigrationExecutor(connection)
    missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return [
        Fact("SLMGEN", str(settings.SPECTACULAR_SETTINGS["VERSION"])),
        Fact("Catalogue of models", str(catalog().version)),
        Fact("Python", platform.python_version()),
        Fact("Django", django.get_version()),
        Fact("SQLite", sqlite3.sqlite_version),
        Fact("Migrations not applied", str(len(missing)), bool(missing)),
    ]
