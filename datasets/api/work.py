from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from datasets import serializers, services
from datasets.work import results
from slmgen.http.serializers import ErrorSerializer as ERROR


class WorkListView(APIView):
    """All that was computed or is being computed about the dataset, oldest first."""

    @extend_schema(
        operation_id="list_work",
        tags=["datasets"],
        responses={200: serializers.WorkSerializer(many=True), 401: ERROR, 404: ERROR},
    )
    def get(self, request: Request, session_id: str) -> Response:
        dataset = services.find_dataset(session_id, user=request.user)
        items = results.list_work(dataset)
        return Response(serializers.WorkSerializer(items, many=True).data)


class WorkView(APIView):
    @extend_schema(
        operation_id="restart_work",
        tags=["datasets"],
        request=None,
        responses={
            200: serializers.WorkSerializer,
            **dict.fromkeys((401, 404, 409), ERROR),
        },
    )
    def post(self, request: Request, session_id: str, work_id: str) -> Response:
        """Start again what failed or was canceled."""
        dataset = services.find_dataset(session_id, user=request.user)
        item = results.restart_work(results.find_work(dataset, work_id))
        return Response(serializers.WorkSerializer(item).data)

    @extend_schema(
        operation_id="cancel_work",
        tags=["datasets"],
        responses={
            200: serializers.WorkSerializer,
            **dict.fromkeys((401, 404, 409), ERROR),
        },
    )
    def delete(self, request: Request, session_id: str, work_id: str) -> Response:
        """Cancel what waits or runs."""
        dataset = services.find_dataset(session_id, user=request.user)
        item = results.cancel_work(results.find_work(dataset, work_id))
        return Response(serializers.WorkSerializer(item).data)
