from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from datasets.serializers import ErrorSerializer as ERROR
from datasets.services import find_dataset, parse_id
from notebooks import serializers, services
from notebooks.models import Notebook
from recommender.services import best_model, catalog
from slmgen.errors import InvalidInput


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
        sent = serializers.GenerateSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        values = sent.validated_data
        config = _config(values.get("training_config"))
        wanted = values.get("model_id")
        model = catalog().get(wanted) if wanted is not None else None
        dataset = find_dataset(parse_id(values["session_id"]), user=request.user)
        notebook = services.generate_notebook(
            dataset, model=model or best_model(dataset), training_config=config
        )
        self.record(request, notebook)
        return Response(serializers.NotebookSerializer(notebook).data)

    def record(self, request: Request, notebook: Notebook) -> None:
        """For those who keep a history of notebooks."""


def _config(value: object) -> dict[str, object]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise InvalidInput(
            "training_config must be an object, such as "
            '{"lora_rank": 16, "num_epochs": 3}.'
        )
    services.check_training_config(value)
    return value


class DownloadView(APIView):
    """The notebook's file."""

    @extend_schema(
        operation_id="download",
        tags=["notebooks"],
        responses={(200, "application/x-ipynb+json"): OpenApiTypes.OBJECT, 404: ERROR},
    )
    def get(self, request: Request, filename: str) -> HttpResponse:
        notebook = services.find_notebook(filename, user=request.user)
        disposition = f'attachment; filename="{notebook.filename}"'
        return HttpResponse(
            services.read_notebook(notebook),
            content_type="application/x-ipynb+json",
            headers={"Content-Disposition": disposition, "Cache-Control": "no-store"},
        )
