from dataclasses import dataclass

from django.http import HttpResponse
from django.shortcuts import redirect
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from datasets.models import Dataset
from datasets.serializers import ErrorSerializer as ERROR
from datasets.serializers import RenamedSerializer, RenamingSerializer
from datasets.services import find_dataset, parse_id, rename_dataset
from notebooks import serializers, services
from notebooks.core.building.build import DATA_FILE
from notebooks.models import Notebook
from recommender.core.catalog.catalog import ModelSpec
from recommender.core.catalog.gpus import DEFAULT_GPU, Gpu, parse_gpu
from recommender.services import best_model, catalog
from slmgen.error_text import shown
from slmgen.errors import InvalidInput
from slmgen.http.streaming import Download


class PlanView(APIView):
    """What `POST /generate` would do: every setting, and what it will take."""

    @extend_schema(
        operation_id="plan",
        tags=["notebooks"],
        request=serializers.GenerateDocumentedSerializer,
        responses={
            200: serializers.PlanSerializer,
            **dict.fromkeys((202, 400, 401, 404), ERROR),
        },
    )
    def post(self, request: Request) -> Response:
        wanted = _wanted(request)
        if len(wanted.models) > 1:
            raise InvalidInput("/plan looks at one model; send it as model_id.")
        training = services.plan_training(
            wanted.dataset,
            model=wanted.models[0],
            training_config=wanted.config,
            gpu=wanted.gpu,
        )
        return Response(serializers.PlanSerializer(training).data)


class GenerateView(APIView):
    """A fine-tuning notebook for a dataset and a model."""

    @extend_schema(
        operation_id="generate",
        tags=["notebooks"],
        request=serializers.GenerateDocumentedSerializer,
        responses={
            200: serializers.NotebookSerializer,
            **dict.fromkeys((202, 400, 401, 404), ERROR),
        },
    )
    def post(self, request: Request) -> Response:
        wanted = _wanted(request)
        server = request.build_absolute_uri("/").rstrip("/")
        if len(wanted.models) == 1:
            notebook = services.generate_notebook(
                wanted.dataset,
                model=wanted.models[0],
                training_config=wanted.config,
                gpu=wanted.gpu,
                server=server,
                user=request.user,
            )
        else:
            notebook = services.generate_bake_off(
                wanted.dataset,
                models=wanted.models,
                training_config=wanted.config,
                gpu=wanted.gpu,
                server=server,
                user=request.user,
            )
        self.record(request, notebook)
        return Response(serializers.NotebookSerializer(notebook).data)

    def record(self, request: Request, notebook: Notebook) -> None:
        """For those who keep a history of notebooks."""


@dataclass(frozen=True)
class _Wanted:
    dataset: Dataset
    models: list[ModelSpec]
    config: dict[str, object]
    gpu: Gpu


def _wanted(request: Request) -> _Wanted:
    """Dataset, models, settings and GPU that a request names. Raises InvalidInput."""
    sent = serializers.GenerateSerializer(data=request.data)
    sent.is_valid(raise_exception=True)
    values = sent.validated_data
    config = _config(values.get("training_config"))
    gpu = parse_gpu(values.get("gpu") or DEFAULT_GPU.name)
    one, several = values.get("model_id"), values.get("model_ids")
    if one is not None and several is not None:
        raise InvalidInput("Send model_id or model_ids, not both.")
    models = [catalog().get(name) for name in several or [one] if name is not None]
    dataset = find_dataset(parse_id(values["session_id"]), user=request.user)
    return _Wanted(dataset, models or [best_model(dataset, gpu)], config, gpu)


def _config(value: object) -> dict[str, object]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise InvalidInput(
            f"training_config is {shown(value)}; expected an object such as "
            '{"lora_rank": 16, "num_epochs": 3}.'
        )
    services.check_training_config(value)
    return value


class DatasetView(APIView):
    """A dataset as a whole, for its owner; where nobody owns it, the id is the key."""

    @extend_schema(
        operation_id="rename_dataset",
        tags=["datasets"],
        request=RenamingSerializer,
        responses={
            200: RenamedSerializer,
            **dict.fromkeys((400, 401, 404), ERROR),
        },
    )
    def patch(self, request: Request, session_id: str) -> Response:
        """Give the dataset another name."""
        dataset = find_dataset(session_id, user=request.user)
        sent = RenamingSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        rename_dataset(dataset, sent.validated_data["filename"], by=request.user)
        return Response(RenamedSerializer(dataset).data)

    @extend_schema(
        operation_id="delete_dataset",
        tags=["datasets"],
        responses={204: None, **dict.fromkeys((401, 404, 409), ERROR)},
    )
    def delete(self, request: Request, session_id: str) -> Response:
        """Delete the dataset, the versions made from it, their notebooks and files;
        409 while a job uses one of them."""
        dataset = find_dataset(session_id, user=request.user)
        services.remove_dataset(dataset, by=request.user)
        return Response(status=204)


class DownloadView(APIView):
    """The notebook's file."""

    @extend_schema(
        operation_id="download",
        tags=["notebooks"],
        parameters=[serializers.DownloadQuerySerializer],
        responses={
            (200, "application/x-ipynb+json"): OpenApiTypes.OBJECT,
            302: None,
            **dict.fromkeys((400, 404), ERROR),
        },
    )
    def get(self, request: Request, filename: str) -> HttpResponse:
        wanted = serializers.DownloadQuerySerializer(data=request.query_params)
        wanted.is_valid(raise_exception=True)
        notebook = services.find_notebook(filename, user=request.user)
        link = services.link_to(notebook) if wanted.validated_data["link"] else None
        if link is not None:
            return redirect(link)
        disposition = f'attachment; filename="{notebook.filename}"'
        return HttpResponse(
            services.read_notebook(notebook),
            content_type="application/x-ipynb+json",
            headers={"Content-Disposition": disposition, "Cache-Control": "no-store"},
        )


class DataView(APIView):
    """The conversations of a notebook that are too large to be inside it."""

    @extend_schema(
        operation_id="data",
        tags=["notebooks"],
        responses={(200, "application/jsonl"): OpenApiTypes.BINARY, 404: ERROR},
    )
    def get(self, request: Request, token: str) -> Download:
        file = services.open_data(token)
        return Download(
            file,
            as_attachment=True,
            filename=DATA_FILE,
            content_type="application/jsonl",
            headers={"Cache-Control": "no-store"},
        )
