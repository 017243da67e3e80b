from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from datasets.serializers import ErrorSerializer as ERROR
from datasets.services import find_dataset, parse_id
from recommender import serializers, services
from recommender.core.catalog import parse_target, parse_task


class RecommendView(APIView):
    """The best small models for a dataset, a task and a place to run it."""

    @extend_schema(
        operation_id="recommend",
        tags=["recommender"],
        request=serializers.NeedSerializer,
        responses={
            200: serializers.RankingSerializer,
            **dict.fromkeys((202, 400, 401, 404), ERROR),
        },
    )
    def post(self, request: Request) -> Response:
        sent = serializers.NeedSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        need = sent.validated_data
        task = parse_task(need["task_type"])
        target = parse_target(need["deployment_target"])
        session_id = parse_id(need["session_id"])
        dataset = find_dataset(session_id, user=request.user)
        ranking = services.recommend(dataset, task=task, target=target)
        return Response(serializers.RankingSerializer(ranking).data)
