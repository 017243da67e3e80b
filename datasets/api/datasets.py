import uuid
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any, cast

import msgspec
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpResponse, HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from datasets import serializers, services
from datasets.core.fixes.operations import repair_of
from datasets.core.layouts.columns import EXAMPLE
from datasets.storage import retention
from slmgen.error_text import nearest, shown, unknown
from slmgen.errors import InvalidInput
from slmgen.http.serializers import ErrorSerializer as ERROR
from slmgen.http.streaming import Download, Streamed
from slmgen.http.view_limits import counted_as, takes_files

MAX_WHOLE_BYTES = 1_000_000  # of examples that are sent at one go
ERRORS = {202: ERROR, 400: ERROR, 401: ERROR, 404: ERROR}


@takes_files
@counted_as("uploads")
class UploadView(APIView):
    """Upload a dataset file for processing."""

    parser_classes = (MultiPartParser,)

    @extend_schema(
        operation_id="upload",
        tags=["datasets"],
        request={"multipart/form-data": serializers.UploadSerializer},
        responses={
            200: serializers.UploadedSerializer,
            **dict.fromkeys((400, 401, 413, 415), ERROR),
        },
    )
    def post(self, request: Request) -> Response:
        file = _file(request)
        dataset = services.upload_dataset(
            file=file, owner=request.user, mapping=_mapping(request)
        )
        return Response(serializers.UploadedSerializer(dataset).data)


def _file(request: Request) -> "UploadedFile[bytes]":
    known = list(serializers.UploadSerializer().fields)
    for name in (*request.FILES, *request.POST):
        if name not in known and nearest(name, known):
            raise InvalidInput(unknown(name, known))
    file = request.FILES.get("file")
    if file is None:
        others = ", ".join(map(shown, list(request.FILES)[:5]))
        found = f"but files in {others}" if others else "and no other"
        raise InvalidInput(
            f"The form has no file in the field 'file' {found}; send the dataset as "
            "multipart/form-data, for example curl -F file=@data.jsonl."
        )
    return cast("UploadedFile[bytes]", file)


def _mapping(request: Request) -> dict[str, Any] | None:
    text = request.POST.get("mapping")
    if not text:
        return None
    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except (msgspec.DecodeError, TypeError):
        raise InvalidInput(
            f"mapping is {shown(text)}; expected a JSON object such as {EXAMPLE}."
        ) from None


@counted_as("uploads")
class MappingView(APIView):
    """Which column of the upload holds what, shown on one row."""

    @extend_schema(
        operation_id="mapping",
        tags=["datasets"],
        responses={200: serializers.MappingSerializer, **ERRORS},
    )
    def get(self, request: Request, session_id: str) -> Response:
        dataset = services.find_dataset(session_id, user=request.user)
        return _mapped(dataset.id, services.mapping_of(dataset))

    @extend_schema(
        operation_id="map",
        tags=["datasets"],
        request=serializers.MappingRequestSerializer,
        responses={200: serializers.MappingSerializer, **ERRORS},
    )
    def post(self, request: Request, session_id: str) -> Response:
        dataset = services.find_dataset(session_id, user=request.user)
        wanted = serializers.MappingRequestSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        mapping = wanted.validated_data["mapping"]
        shown = services.mapping_of(dataset, mapping)
        if not wanted.validated_data["dry_run"]:
            dataset = services.map_dataset(dataset, mapping)
        return _mapped(dataset.id, shown)


def _mapped(dataset_id: uuid.UUID, shown: services.Mapped) -> Response:
    answer = {"session_id": dataset_id, **asdict(shown)}
    return Response(serializers.MappingSerializer(answer).data)


class ProblemsView(APIView):
    """Everything that is wrong with the upload: grouped, counted, by line."""

    @extend_schema(
        operation_id="problems",
        tags=["datasets"],
        parameters=[serializers.ProblemQuerySerializer],
        responses={200: serializers.ProblemsSerializer, **ERRORS},
    )
    def get(self, request: Request, session_id: str) -> Response:
        dataset = services.find_dataset(session_id, user=request.user)
        wanted = serializers.ProblemQuerySerializer(data=request.query_params)
        wanted.is_valid(raise_exception=True)
        query: dict[str, Any] = wanted.validated_data
        answer = {**query, **vars(services.problems_of(dataset, **query))}
        return Response(serializers.ProblemsSerializer(answer).data)


class InsightsView(APIView):
    """A closer look: languages, near duplicates, private data, labels, split."""

    @extend_schema(
        operation_id="insights",
        tags=["datasets"],
        responses={200: serializers.InsightsSerializer, **ERRORS},
    )
    def get(self, request: Request, session_id: str) -> Response:
        dataset = services.find_dataset(session_id, user=request.user)
        answer = {"session_id": dataset.id, **services.insights_of(dataset)}
        return Response(serializers.InsightsSerializer(answer).data)


class ProfileView(APIView):
    """All figures of the analysis, with every part of the score and its rows."""

    @extend_schema(
        operation_id="profile",
        tags=["datasets"],
        responses={200: serializers.ProfileSerializer, **ERRORS},
    )
    def get(self, request: Request, session_id: str) -> Response:
        dataset = services.find_dataset(session_id, user=request.user)
        ids = {"session_id": dataset.id, "expires_at": retention.expiry_of(dataset)}
        answer = {**ids, **asdict(services.profile_of(dataset))}
        return Response(serializers.ProfileSerializer(answer).data)


@counted_as("uploads")
class RepairsView(APIView):
    """A new version of the dataset with the chosen repairs, and what they changed."""

    @extend_schema(
        operation_id="repair",
        tags=["datasets"],
        request=serializers.RepairRequestSerializer,
        responses={200: serializers.RepairedSerializer, **ERRORS},
    )
    def post(self, request: Request, session_id: str) -> Response:
        dataset = services.find_dataset(session_id, user=request.user)
        wanted = serializers.RepairRequestSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        done = services.repair(
            dataset,
            tuple(repair_of(**one) for one in wanted.validated_data["repairs"]),
            dry_run=wanted.validated_data["dry_run"],
        )
        ids = {"session_id": done.dataset.id, "parent_id": done.dataset.parent_id}
        return Response(serializers.RepairedSerializer({**ids, **done.summary}).data)


class ExportView(APIView):
    """All valid examples as a file: jsonl, alpaca, sharegpt or parquet."""

    @extend_schema(
        operation_id="export",
        tags=["datasets"],
        parameters=[serializers.ExportQuerySerializer],
        responses={(200, "application/octet-stream"): bytes, **ERRORS},
    )
    def get(self, request: Request, session_id: str) -> Download:
        dataset = services.find_dataset(session_id, user=request.user)
        wanted = serializers.ExportQuerySerializer(data=request.query_params)
        wanted.is_valid(raise_exception=True)
        form = wanted.validated_data["format"]
        file = services.export_dataset(dataset, form)
        name = services.export_name(dataset, form)
        return Download(file, as_attachment=True, filename=name)


class AnalyzeView(APIView):
    """What is in the dataset: exact counts, and what is wrong with it."""

    @extend_schema(
        operation_id="analyze",
        tags=["datasets"],
        responses={200: serializers.AnalysisSerializer, **ERRORS},
    )
    def get(self, request: Request, session_id: str) -> Response:
        dataset = services.find_dataset(session_id, user=request.user)
        profile = services.profile_of(dataset)
        answer = {
            **asdict(profile),
            "session_id": dataset.id,
            "avg_tokens_per_example": profile.average_tokens,
        }
        return Response(serializers.AnalysisSerializer(answer).data)


class PreviewView(APIView):
    """A page of the examples as they were uploaded, with their tokens."""

    @extend_schema(
        operation_id="preview",
        tags=["datasets"],
        parameters=[serializers.PageSerializer],
        responses={200: serializers.PreviewSerializer, **ERRORS},
    )
    def get(self, request: Request, session_id: str) -> HttpResponseBase:
        dataset = services.find_dataset(session_id, user=request.user)
        wanted = serializers.PageSerializer(data=request.query_params)
        wanted.is_valid(raise_exception=True)
        services.profile_of(dataset)
        page: dict[str, Any] = wanted.validated_data
        found = services.examples_page(dataset, **page)
        text = _page_json(found, {"total_count": dataset.total_examples, **page})
        if found.size > MAX_WHOLE_BYTES:
            return Streamed(text, content_type="application/json")
        return HttpResponse(b"".join(text), content_type="application/json")


def _page_json(found: services.ExamplesPage, rest: dict[str, Any]) -> Iterator[bytes]:
    """The answer, one example after another: a page of long ones has 800 MB."""
    yield b'{"examples":['
    for number, example in enumerate(found.examples):
        yield (b"," if number else b"") + msgspec.json.encode(example)
    yield b"]," + msgspec.json.encode(rest)[1:]


class DistributionView(APIView):
    """Who speaks, how long, and how the examples' tokens are spread."""

    @extend_schema(
        operation_id="distribution",
        tags=["datasets"],
        responses={200: serializers.DistributionSerializer, **ERRORS},
    )
    def get(self, request: Request, session_id: str) -> Response:
        dataset = services.find_dataset(session_id, user=request.user)
        profile = services.profile_of(dataset)
        return Response(
            {
                "roles": profile.roles,
                "avg_message_length": profile.average_message_length,
                "token_distribution": profile.token_buckets,
                "has_system_prompts": profile.system_examples > 0,
                "multi_turn_percentage": profile.multi_turn_percentage,
            }
        )


class DuplicatesView(APIView):
    """Every later copy of an earlier identical conversation."""

    @extend_schema(
        operation_id="duplicates",
        tags=["datasets"],
        responses={200: serializers.DuplicatesSerializer, **ERRORS},
    )
    def get(self, request: Request, session_id: str) -> Response:
        dataset = services.find_dataset(session_id, user=request.user)
        services.profile_of(dataset)
        found = services.duplicates_of(dataset)
        return Response({"count": len(found), "examples": found})


class DatasetView(APIView):
    """A dataset as a whole, for its owner; where nobody owns it, the id is the key."""

    @extend_schema(
        operation_id="rename_dataset",
        tags=["datasets"],
        request=serializers.RenamingSerializer,
        responses={
            200: serializers.RenamedSerializer,
            **dict.fromkeys((400, 401, 404), ERROR),
        },
    )
    def patch(self, request: Request, session_id: str) -> Response:
        """Give the dataset another name."""
        dataset = services.find_dataset(session_id, user=request.user)
        sent = serializers.RenamingSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        services.rename_dataset(
            dataset, sent.validated_data["filename"], by=request.user
        )
        return Response(serializers.RenamedSerializer(dataset).data)

    @extend_schema(
        operation_id="delete_dataset",
        tags=["datasets"],
        responses={204: None, **dict.fromkeys((401, 404, 409), ERROR)},
    )
    def delete(self, request: Request, session_id: str) -> Response:
        """Delete the dataset, the versions made from it, their notebooks and files;
        409 while a job uses one of them."""
        dataset = services.find_dataset(session_id, user=request.user)
        services.remove_dataset(dataset, by=request.user)
        return Response(status=204)
