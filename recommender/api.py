from dataclasses import asdict

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from datasets.services import find_dataset, parse_id
from recommender import serializers, services
from recommender.core.catalog.catalog import TARGETS, TASKS
from recommender.core.needs.needs import parse_wishes
from recommender.core.presentation.model_facts import find_model
from recommender.core.synonyms import remarks
from recommender.services import Explained
from slmgen.http.serializers import ErrorSerializer as ERROR

ERRORS = dict.fromkeys((202, 400, 401, 404), ERROR)


class RecommendView(APIView):
    """The best small models for a dataset, a task and a place to run it."""

    @extend_schema(
        operation_id="recommend",
        tags=["recommender"],
        request=serializers.NeedSerializer,
        responses={200: serializers.RankingSerializer, **ERRORS},
    )
    def post(self, request: Request) -> Response:
        found = _recommended(request)
        return Response(serializers.RankingSerializer(found.ranking).data)


class ExplainView(APIView):
    """The same ranking with the whole way to it, from facts to excluded models."""

    @extend_schema(
        operation_id="explain",
        tags=["recommender"],
        request=serializers.NeedSerializer,
        responses={200: serializers.ExplanationSerializer, **ERRORS},
    )
    def post(self, request: Request) -> Response:
        stored = _recommended(request).recommendation
        answer = {"recommendation_id": stored.id, **stored.trace}
        return Response(serializers.ExplanationSerializer(answer).data)


class ModelsView(APIView):
    """Every model of the catalog, with the version it comes from."""

    @extend_schema(
        operation_id="models",
        tags=["recommender"],
        responses={200: serializers.ModelListSerializer, 401: ERROR},
    )
    def get(self, request: Request) -> Response:
        return Response(serializers.ModelListSerializer(services.catalog()).data)


class ModelDetailView(APIView):
    """Every fact about one model, with its sources and what is not verified."""

    @extend_schema(
        operation_id="model",
        tags=["recommender"],
        responses={
            200: serializers.ModelDetailSerializer,
            **dict.fromkeys((401, 404), ERROR),
        },
    )
    def get(self, request: Request, model_id: str) -> Response:
        model = find_model(services.catalog(), model_id)
        answer = {**asdict(model), "size": model.size, "chat": model.chat}
        return Response(serializers.ModelDetailSerializer(answer).data)


class SuggestView(APIView):
    """The task and the target that the data look made for, and why."""

    @extend_schema(
        operation_id="suggest",
        tags=["recommender"],
        responses={
            200: serializers.SuggestionSerializer,
            **dict.fromkeys((202, 401, 404), ERROR),
        },
    )
    def get(self, request: Request, session_id: str) -> Response:
        dataset = find_dataset(session_id, user=request.user)
        found = services.suggest_need(dataset)
        return Response(serializers.SuggestionSerializer(found).data)


class ContextsView(APIView):
    """How many rows are longer than each model can read: exact, or a range."""

    @extend_schema(
        operation_id="contexts",
        tags=["recommender"],
        responses={
            200: serializers.ContextsSerializer,
            **dict.fromkeys((202, 401, 404), ERROR),
        },
    )
    def get(self, request: Request, session_id: str) -> Response:
        dataset = find_dataset(session_id, user=request.user)
        answer = {
            "session_id": dataset.id,
            "models": services.rows_over_contexts(dataset, services.catalog().models),
            "total_examples": dataset.total_examples,
        }
        return Response(serializers.ContextsSerializer(answer).data)


def _recommended(request: Request) -> Explained:
    """The ranking for what a request names, remembered. Raises InvalidInput."""
    sent = serializers.NeedSerializer(data=request.data)
    sent.is_valid(raise_exception=True)
    asked = dict(sent.validated_data)
    task = TASKS.read(asked.pop("task_type"))
    target = TARGETS.read(asked.pop("deployment_target"))
    session_id = parse_id(asked.pop("session_id"))
    wishes = parse_wishes(
        services.catalog(), assumptions=remarks(task, target), **asked
    )
    dataset = find_dataset(session_id, user=request.user)
    return services.recommend(
        dataset, task=task.value, target=target.value, wishes=wishes
    )
