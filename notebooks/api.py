from django.http import HttpResponse
from django.shortcuts import redirect
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from notebooks import serializers, services
from notebooks.api_requests import wanted_notebook
from notebooks.core.building.build import DATA_FILE
from slmgen.errors import InvalidInput
from slmgen.http.serializers import ErrorSerializer as ERROR
from slmgen.http.streaming import Download
from slmgen.http.view_limits import counted_as


@counted_as("notebooks")
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
        wanted = wanted_notebook(request)
        if len(wanted.models) > 1:
            raise InvalidInput("/plan looks at one model; send it as model_id.")
        training = services.plan_training(
            wanted.dataset,
            model=wanted.models[0],
            training_config=wanted.config,
            gpu=wanted.gpu,
        )
        return Response(serializers.PlanSerializer(training).data)


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
