from typing import Any, cast

from django.contrib.auth.models import User
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import NotAuthenticated
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from jobs import serializers, services
from jobs.models import Job
from slmgen.http.serializers import ErrorSerializer as ERROR

ERRORS = {400: ERROR, 401: ERROR, 404: ERROR}


class SignedIn(BasePermission):
    def has_permission(self, request: Request, view: APIView) -> bool:
        if request.user and request.user.is_authenticated:
            return True
        raise NotAuthenticated(
            "This needs an account; send Authorization: Bearer <token>."
        )


class JobsView(APIView):
    permission_classes = (SignedIn,)

    @extend_schema(
        operation_id="list_jobs",
        tags=["jobs"],
        parameters=[serializers.HistoryPageSerializer],
        responses={200: serializers.JobSerializer(many=True), 400: ERROR, 401: ERROR},
    )
    def get(self, request: Request) -> Response:
        """The user's jobs, newest first."""
        wanted = serializers.HistoryPageSerializer(data=request.query_params)
        wanted.is_valid(raise_exception=True)
        jobs = services.list_jobs(user=request.user, **wanted.validated_data)
        return Response(serializers.JobSerializer(jobs, many=True).data)

    @extend_schema(
        operation_id="create_job",
        tags=["jobs"],
        request=serializers.NewJobSerializer,
        responses={201: serializers.JobDetailsSerializer, **ERRORS},
    )
    def post(self, request: Request) -> Response:
        """Create a new job record."""
        sent = serializers.NewJobSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        values: dict[str, Any] = sent.validated_data
        job = services.create_job(
            owner=cast("User", request.user),  # `SignedIn` let nobody else in
            session_id=values.pop("session_id"),
            configuration=services.Configuration(**values),
        )
        return _answer(job, status=201)


class JobView(APIView):
    permission_classes = (SignedIn,)

    @extend_schema(
        operation_id="job",
        tags=["jobs"],
        responses={200: serializers.JobDetailsSerializer, 401: ERROR, 404: ERROR},
    )
    def get(self, request: Request, job_id: str) -> Response:
        """Get job details."""
        return _answer(services.find_job(job_id, user=request.user))

    @extend_schema(
        operation_id="change_job",
        tags=["jobs"],
        request=serializers.JobChangeSerializer,
        responses={200: serializers.JobDetailsSerializer, **ERRORS},
    )
    def patch(self, request: Request, job_id: str) -> Response:
        """Move the job on, or edit its configuration while nothing has run."""
        job = services.find_job(job_id, user=request.user)
        sent = serializers.JobChangeSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        values: dict[str, Any] = sent.validated_data
        change = services.JobChange(
            status=values.pop("status", None),
            configuration=services.Configuration(**values),
        )
        return _answer(services.change_job(job, change))

    @extend_schema(
        operation_id="delete_job",
        tags=["jobs"],
        parameters=[serializers.DeletionSerializer],
        responses={204: None, **ERRORS},
    )
    def delete(self, request: Request, job_id: str) -> Response:
        """Delete the job, its notebook, and its dataset where that is the user's and no
        other job uses it."""
        job = services.find_job(job_id, user=request.user)
        wanted = serializers.DeletionSerializer(data=request.query_params)
        wanted.is_valid(raise_exception=True)
        services.delete_job(job, by=request.user, **wanted.validated_data)
        return Response(status=204)


def _answer(job: Job, status: int = 200) -> Response:
    details = services.details_of(job)
    return Response(serializers.JobDetailsSerializer(details).data, status=status)
