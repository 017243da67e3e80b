from typing import Any, cast

from django.http import HttpResponse, HttpResponseBase, QueryDict, StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from jobs import serializers
from jobs.api.jobs import ERRORS, SignedIn
from jobs.services import find_job
from jobs.training import runs
from jobs.training.streams import streams, summary
from slmgen.http.serializers import ErrorSerializer as ERROR

EVENT_STREAM = {
    "Content-Type": "text/event-stream",
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",  # for nginx
}


class ReportView(APIView):
    """A notebook reports its training, by a secret that may do nothing else."""

    authentication_classes = ()

    @extend_schema(
        operation_id="report_training",
        tags=["training"],
        request=serializers.ReportSerializer,
        responses={204: None, 400: ERROR, 401: ERROR},
    )
    def post(self, request: Request) -> Response:
        run = runs.run_of(request.META.get("HTTP_AUTHORIZATION"))
        runs.record(run, cast("dict[str, Any]", request.data))
        return Response(status=204)


class SecretView(APIView):
    permission_classes = (SignedIn,)

    @extend_schema(
        operation_id="new_training_secret",
        tags=["training"],
        request=None,
        responses={201: serializers.SecretSerializer, 401: ERROR, 404: ERROR},
    )
    def post(self, request: Request, job_id: str) -> Response:
        """Two parameters for the job's notebook; the secret is shown this once."""
        secret = runs.new_secret(find_job(job_id, user=request.user))
        answer = {
            "progress_url": request.build_absolute_uri("/training/events"),
            "progress_token": secret.token,
            "ends_at": secret.ends_at,
        }
        return Response(serializers.SecretSerializer(answer).data, status=201)

    @extend_schema(
        operation_id="revoke_training_secret",
        tags=["training"],
        responses={204: None, 401: ERROR, 404: ERROR},
    )
    def delete(self, request: Request, job_id: str) -> Response:
        """The notebook can report no more."""
        runs.revoke_secret(find_job(job_id, user=request.user))
        return Response(status=204)


class TrainingView(APIView):
    permission_classes = (SignedIn,)

    @extend_schema(
        operation_id="training",
        tags=["training"],
        responses={200: serializers.TrainingSerializer, 401: ERROR, 404: ERROR},
    )
    def get(self, request: Request, job_id: str) -> Response:
        """How the job's training goes."""
        job = find_job(job_id, user=request.user)
        return Response(summary(job))


class PointsView(APIView):
    permission_classes = (SignedIn,)

    @extend_schema(
        operation_id="training_events",
        tags=["training"],
        parameters=[serializers.SinceSerializer],
        responses={200: serializers.PointSerializer(many=True), **ERRORS},
    )
    def get(self, request: Request, job_id: str) -> Response:
        """Losses in the order in which they were reported, at most 2,000; ask again
        with the `id` of the last one as `since`."""
        job = find_job(job_id, user=request.user)
        wanted = serializers.SinceSerializer(data=request.query_params)
        wanted.is_valid(raise_exception=True)
        points = runs.points_of(job, **wanted.validated_data)
        return Response(serializers.PointSerializer(points, many=True).data)


class StreamView(APIView):
    permission_classes = (SignedIn,)

    @extend_schema(
        operation_id="training_stream",
        tags=["training"],
        parameters=[serializers.SinceSerializer],
        responses={(200, "text/event-stream"): OpenApiTypes.STR, **ERRORS, 429: ERROR},
    )
    def get(self, request: Request, job_id: str) -> HttpResponseBase:
        """Server-sent events: `training` when it changes, `point` for each loss.

        A client that connects again goes on behind its `Last-Event-ID`."""
        job = find_job(job_id, user=request.user)
        wanted = serializers.SinceSerializer(data=_since(request))
        wanted.is_valid(raise_exception=True)
        # The response to HEAD has no body whose end would close the stream
        if request.method == "HEAD":
            return HttpResponse(headers=EVENT_STREAM)
        return StreamingHttpResponse(
            streams.open(job, **wanted.validated_data), headers=EVENT_STREAM
        )


def _since(request: Request) -> QueryDict:
    """On a reconnect, the browser's `Last-Event-ID` is newer than the `since` in the
    URL."""
    query = request.query_params.copy()
    if last := request.headers.get("Last-Event-ID"):
        query["since"] = last
    return query
