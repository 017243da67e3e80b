import uuid
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q

from datasets.models import AnyUser, Dataset
from jobs.core.progress import STALLED_AFTER, STATES, RunState
from notebooks.models import Notebook
from slmgen.db.fields import OrderedJSONField


class JobQuerySet(models.QuerySet["Job"]):
    def visible_to(self, user: AnyUser) -> "JobQuerySet":
        return self.filter(owner=user.pk) if user.is_authenticated else self.none()

    def in_state(self, state: RunState, now: datetime) -> "JobQuerySet":
        """The jobs for which `progress.state` returns this state."""
        silent = Q(
            training_run__started_at__isnull=False,
            training_run__seen_at__lt=now - STALLED_AFTER,
            training_run__ended_at=None,
        )
        if state in {RunState.RUNNING, RunState.STALLED}:
            running = self.filter(status=Job.Status.RUNNING)
            stalled = running.filter(silent)
            if state is RunState.STALLED:
                return stalled
            return running.exclude(pk__in=stalled.values("pk"))
        return self.filter(
            status__in=[status for status, found in STATES.items() if found is state]
        )


class Job(models.Model):
    """A user's fine-tuning run, from the dataset to the notebook and its outcome."""

    class Status(models.TextChoices):
        CREATED = "created"
        QUEUED = "queued"
        RUNNING = "running"
        COMPLETED = "completed"
        FAILED = "failed"
        CANCELLED = "cancelled"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+"
    )
    # RESTRICT: a dataset is deleted with its last job or its owner, never before.
    dataset = models.ForeignKey(Dataset, on_delete=models.RESTRICT, related_name="+")
    notebook = models.ForeignKey(
        Notebook, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    status = models.CharField(max_length=9, choices=Status, default=Status.CREATED)
    model_id = models.CharField(max_length=100, blank=True)
    task_type = models.CharField(max_length=40, blank=True)
    deployment_target = models.CharField(max_length=40, blank=True)
    training_config: "models.JSONField[Any, Any]" = OrderedJSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = JobQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at", "-id")
        indexes = [models.Index(fields=["owner", "-created_at"], name="job_history")]
        constraints = [
            models.UniqueConstraint(
                fields=("owner", "notebook"), name="one_job_a_notebook_and_owner"
            )
        ]

    def __str__(self) -> str:
        return f"Job {self.id}"


Status = Job.Status
MOVES: dict[str, tuple[Status, ...]] = {
    Status.CREATED: (Status.QUEUED, Status.RUNNING, Status.CANCELLED),
    Status.QUEUED: (Status.RUNNING, Status.FAILED, Status.CANCELLED),
    Status.RUNNING: (Status.COMPLETED, Status.FAILED, Status.CANCELLED),
    Status.COMPLETED: (),
    Status.FAILED: (Status.QUEUED,),
    Status.CANCELLED: (Status.QUEUED,),
}
EDITABLE_IN = (Status.CREATED, Status.QUEUED)


class TrainingRun(models.Model):
    """What the notebook of a job has reported, and the token that lets it report."""

    job = models.OneToOneField(
        Job, on_delete=models.CASCADE, primary_key=True, related_name="training_run"
    )
    secret_hash = models.CharField(max_length=64, unique=True, null=True)  # noqa: DJ001  # NULL: none; empty ones would collide
    secret_ends_at = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True)
    seen_at = models.DateTimeField(null=True, help_text="The last sign of life")
    ended_at = models.DateTimeField(null=True)
    first_step = models.PositiveIntegerField(default=0, help_text="It began behind it")
    step = models.PositiveIntegerField(default=0)
    steps = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return f"Training of {self.job_id}"


class TrainingPoint(models.Model):
    """A measurement; another one of the same step replaces it under a new id.

    Within a run, ids ascend in the order in which points become readable, so that an id
    is a cursor.
    """

    run = models.ForeignKey(TrainingRun, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=5)  # "train" or "eval"
    step = models.PositiveIntegerField()
    values: "models.JSONField[Any, Any]" = OrderedJSONField()
    at = models.DateTimeField()

    class Meta:
        ordering = ("step", "kind")
        constraints = [
            models.UniqueConstraint(fields=("run", "kind", "step"), name="one_a_step")
        ]

    def __str__(self) -> str:
        return f"{self.kind} at step {self.step} of {self.run_id}"


class JobEvent(models.Model):
    """An event in the life of a job. Measurements of its notebook are points
    instead."""

    class Kind(models.TextChoices):
        MADE = "made"
        CONNECTED = "connected"
        REVOKED = "revoked"
        BEGAN = "began"
        ENDED = "ended"
        MOVED = "moved"

    class Source(models.TextChoices):
        OWNER = "owner"
        NOTEBOOK = "notebook"
        SUPPORT = "support"

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="+")
    at = models.DateTimeField(auto_now_add=True)
    kind = models.CharField(max_length=9, choices=Kind)
    source = models.CharField(max_length=8, choices=Source)
    status = models.CharField(max_length=9, choices=Job.Status, blank=True)
    step = models.PositiveIntegerField(null=True)
    reason = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ("at", "id")

    def __str__(self) -> str:
        return f"Job {self.job_id} {self.kind}"
