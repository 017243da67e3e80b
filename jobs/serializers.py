from dataclasses import asdict
from typing import Any

from rest_framework import serializers

from jobs.core.progress import EVENTS, MAX_STEP
from jobs.models import Status
from recommender.serializers import TargetField, TaskField
from slmgen.http.serializers import (
    ExpectedField,
    LenientSerializer,
    SessionField,
    StrictSerializer,
)

MAX_LIMIT = 100
MAX_ID = 2**63 - 1


class JobSerializer(serializers.Serializer[Any]):
    """An item of the history: exactly the specification's five fields."""

    id = serializers.UUIDField()
    session_id = serializers.UUIDField(source="dataset_id")
    dataset_filename = serializers.CharField(source="dataset.filename")
    status = serializers.CharField()
    created_at = serializers.DateTimeField()


class JobDetailsSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField(source="job.id")
    session_id = serializers.UUIDField(source="job.dataset_id")
    dataset_filename = serializers.CharField(source="job.dataset.filename")
    status = serializers.CharField(source="job.status")
    created_at = serializers.DateTimeField(source="job.created_at")
    updated_at = serializers.DateTimeField(source="job.updated_at")
    model_id = serializers.SerializerMethodField()
    model_name = serializers.CharField(allow_null=True)
    task_type = serializers.SerializerMethodField()
    deployment_target = serializers.SerializerMethodField()
    training_config = serializers.DictField(source="job.training_config")
    total_examples = serializers.IntegerField(source="job.dataset.total_examples")
    total_tokens = serializers.SerializerMethodField()
    quality_score = serializers.SerializerMethodField()
    notebook_path = serializers.SerializerMethodField()
    download_url = serializers.SerializerMethodField()
    colab_url = serializers.SerializerMethodField()
    training = serializers.SerializerMethodField()

    def get_model_id(self, details: Any) -> str | None:
        return details.job.model_id or None

    def get_task_type(self, details: Any) -> str | None:
        return details.job.task_type or None

    def get_deployment_target(self, details: Any) -> str | None:
        return details.job.deployment_target or None

    def get_total_tokens(self, details: Any) -> int | None:
        return details.profile.total_tokens if details.profile else None

    def get_quality_score(self, details: Any) -> float | None:
        return details.profile.quality_score if details.profile else None

    def get_notebook_path(self, details: Any) -> str | None:
        return details.job.notebook.key if details.job.notebook else None

    def get_download_url(self, details: Any) -> str | None:
        return details.job.notebook.download_url if details.job.notebook else None

    def get_colab_url(self, details: Any) -> str | None:
        return details.job.notebook.colab_url if details.job.notebook else None

    def get_training(self, details: Any) -> dict[str, Any] | None:
        """What the notebook reported; null before it was set up to."""
        if details.training is None:
            return None
        return dict(TrainingSerializer(asdict(details.training)).data)


# Clients of the original API send them; the server knows the true values itself.
NOT_STORED = (
    "dataset_filename", "dataset_path", "total_examples", "total_tokens",
    "quality_score", "selected_model_name", "model_score",
)  # fmt: skip


class NotStored(serializers.JSONField):
    """Accepted whatever it holds, and left out of what was sent."""

    def __init__(self) -> None:
        super().__init__(required=False, help_text="Accepted and not stored")

    def run_validation(self, data: Any = None) -> Any:
        raise serializers.SkipField


class ConfigurationSerializer(StrictSerializer):
    model_id = serializers.CharField(required=False, max_length=200)
    task_type = TaskField(required=False)
    deployment_target = TargetField(required=False)
    training_config = serializers.DictField(required=False)
    selected_model_id = serializers.CharField(
        required=False,
        allow_null=True,
        max_length=200,
        help_text="Another name of `model_id`",
    )

    def get_fields(self) -> dict[str, Any]:
        return {**super().get_fields(), **{name: NotStored() for name in NOT_STORED}}

    def validate(self, sent: dict[str, Any]) -> dict[str, Any]:
        other = sent.pop("selected_model_id", None)
        model = sent.setdefault("model_id", other)
        if other not in {None, model}:
            raise serializers.ValidationError(
                f"model_id is {model!r} and selected_model_id is {other!r}; they are "
                "two names of one field, so send one of them."
            )
        return sent


class NewJobSerializer(ConfigurationSerializer):
    session_id = SessionField()


class DeletionSerializer(LenientSerializer):
    keep_dataset = serializers.BooleanField(default=False)


class JobChangeSerializer(ConfigurationSerializer):
    status = ExpectedField(
        expected=f"one of {', '.join(Status.values)}", required=False, max_length=20
    )


class HistoryPageSerializer(LenientSerializer):
    limit = serializers.IntegerField(default=50, min_value=1, max_value=MAX_LIMIT)
    offset = serializers.IntegerField(default=0, min_value=0, max_value=10**9)


class ReportSerializer(serializers.Serializer[Any]):
    """Documents a report; `jobs.core.progress` alone judges it."""

    event = serializers.ChoiceField(choices=EVENTS)
    step = serializers.IntegerField(min_value=0)
    steps = serializers.IntegerField(min_value=0)
    loss = serializers.FloatField(required=False, allow_null=True)
    eval_loss = serializers.FloatField(required=False, allow_null=True)
    error = serializers.CharField(required=False)


class SecretSerializer(serializers.Serializer[Any]):
    progress_url = serializers.CharField()
    progress_token = serializers.CharField()
    ends_at = serializers.DateTimeField()


class TrainingSerializer(serializers.Serializer[Any]):
    state = serializers.CharField()
    step = serializers.IntegerField(default=0)
    steps = serializers.IntegerField(default=0)
    eta_seconds = serializers.IntegerField(allow_null=True, default=None)
    started_at = serializers.DateTimeField(allow_null=True, default=None)
    seen_at = serializers.DateTimeField(allow_null=True, default=None)
    ended_at = serializers.DateTimeField(allow_null=True, default=None)
    loss = serializers.FloatField(allow_null=True, default=None)
    eval_loss = serializers.FloatField(allow_null=True, default=None)


class SinceSerializer(LenientSerializer):
    since = serializers.IntegerField(
        min_value=0,
        max_value=MAX_ID,
        default=0,
        help_text="The last `id` that was seen",
    )
    since_step = serializers.IntegerField(
        min_value=-1, max_value=MAX_STEP, default=-1, help_text="Later steps alone"
    )


class PointSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    kind = serializers.CharField()
    step = serializers.IntegerField()
    at = serializers.DateTimeField()
    values = serializers.DictField(
        child=serializers.FloatField(allow_null=True),
        help_text="null: it diverged (infinite, not a number, or too large)",
    )
