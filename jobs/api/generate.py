from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from jobs import services
from notebooks.api_requests import wanted_notebook
from notebooks.serializers import GenerateDocumentedSerializer, NotebookSerializer
from slmgen.http.serializers import ErrorSerializer as ERROR
from slmgen.http.view_limits import counted_as


@counted_as("notebooks")
class GenerateView(APIView):
    """A fine-tuning notebook for a dataset and a model; a signed-in user's is a job."""

    @extend_schema(
        operation_id="generate",
        tags=["notebooks"],
        request=GenerateDocumentedSerializer,
        responses={
            200: NotebookSerializer,
            **dict.fromkeys((202, 400, 401, 404), ERROR),
        },
    )
    def post(self, request: Request) -> Response:
        wanted = wanted_notebook(request)
        notebook = services.generate_notebook(
            wanted.dataset,
            models=wanted.models,
            training_config=wanted.config,
            gpu=wanted.gpu,
            server=request.build_absolute_uri("/").rstrip("/"),
            user=request.user,
        )
        return Response(NotebookSerializer(notebook).data)
