"""Health and readiness of this server."""

import time
import uuid
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import DatabaseError, connection
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.cache import patch_vary_headers
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from datasets.services import count_tokens
from slmgen.http.view_limits import counted_as

SECONDS_BETWEEN_WRITES = 30.0  # per process; each write tests the storage


class InfoSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    version = serializers.CharField()
    status = serializers.CharField()
    documentation = serializers.CharField()


class HealthSerializer(serializers.Serializer[Any]):
    status = serializers.CharField()


class ReadySerializer(HealthSerializer):
    checks = serializers.DictField(child=serializers.CharField())


class InfoView(APIView):
    """API info; a browser is sent to the pages."""

    @extend_schema(responses=InfoSerializer, operation_id="info", tags=["health"])
    def get(self, request: Request) -> HttpResponse:
        kinds = ["application/json", "text/html"]
        if request.get_preferred_type(kinds) == "text/html":
            response: HttpResponse = redirect("/app/")
        else:
            version = settings.SPECTACULAR_SETTINGS["VERSION"]
            response = Response(
                {
                    "name": "SLMGEN",
                    "version": version,
                    "status": "ok",
                    "documentation": "/docs/api/",
                }
            )
        patch_vary_headers(response, ["Accept"])
        return response


@counted_as("")  # probes ask often
class HealthView(APIView):
    """Says that the process answers, and looks at nothing else."""

    @extend_schema(responses=HealthSerializer, operation_id="health", tags=["health"])
    def get(self, request: Request) -> Response:
        return Response({"status": "ok"})


class ReadyView(APIView):
    """Whether database, storage and vocabulary are there to work with."""

    @extend_schema(
        responses={200: ReadySerializer, 503: ReadySerializer},
        operation_id="ready",
        tags=["health"],
    )
    def get(self, request: Request) -> Response:
        checks = dependency_status()
        ready = set(checks.values()) == {"ok"}
        return Response(
            {"status": "ok" if ready else "unavailable", "checks": checks},
            status=HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE,
        )


def dependency_status() -> dict[str, str]:
    """The parts this server depends on, each with "ok" or what is wrong with it."""
    return {
        "database": _database(),
        "storage": _storage(),
        "vocabulary": _vocabulary(),
    }


def _database() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return "does not answer"
    return "ok"


@dataclass
class _StorageTest:
    """The result of the last test write, which all probes share until the next one."""

    result: str = ""
    at: float = 0.0


_last_test = _StorageTest()


def _storage() -> str:
    """Probes come every few seconds, and each test writes and deletes an object."""
    if (
        not _last_test.result
        or time.monotonic() - _last_test.at >= SECONDS_BETWEEN_WRITES
    ):
        _last_test.result, _last_test.at = _tested_storage(), time.monotonic()
    return _last_test.result


def _tested_storage() -> str:
    try:
        name = default_storage.save(f"ready/{uuid.uuid4().hex}", ContentFile(b"ok"))
        default_storage.delete(name)
    except OSError:
        return "cannot be written"
    return "ok"


def _vocabulary() -> str:
    return "ok" if count_tokens("hello world") == 2 else "counts wrongly"
