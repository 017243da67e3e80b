import uuid
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import models
from django.db.models import Q
from django.utils import timezone

from slmgen.fields import OrderedJSONField

LEASE = timedelta(seconds=60)
MAX_ATTEMPTS = 3

AnyUser = AbstractBaseUser | AnonymousUser


def chat_columns() -> dict[str, str]:
    return {"messages": "messages"}


class DatasetQuerySet(models.QuerySet["Dataset"]):
    def visible_to(self, user: AnyUser) -> "DatasetQuerySet":
        """What `user` may see: their own, and what nobody owns (the id is the key)."""
        if user.is_authenticated:
            return self.filter(Q(owner=user.pk) | Q(owner=None))
        return self.filter(owner=None)


class Dataset(models.Model):
    """An uploaded file and the valid examples in it. Both are stored, never changed."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
    )
    filename = models.CharField(max_length=255)
    size = models.BigIntegerField(help_text="Bytes received")
    sha256 = models.CharField(max_length=64, help_text="Of the bytes received")
    total_examples = models.PositiveIntegerField()
    examples_bytes = models.BigIntegerField()
    examples_sha256 = models.CharField(max_length=64)
    bad_lines = models.PositiveIntegerField(default=0)
    problems = models.JSONField(default=list, help_text="The first bad lines, in words")
    faulty_examples = models.PositiveIntegerField(default=0)
    problem_groups: "models.JSONField[Any, Any]" = models.JSONField(
        default=list, help_text="How many problems of each kind"
    )
    container = models.CharField(max_length=16, default="JSON Lines")
    form = models.CharField(max_length=32, default="chat", help_text="Its layout")
    columns: "models.JSONField[Any, Any]" = OrderedJSONField(
        default=chat_columns, help_text="Key of a row by what it holds"
    )
    columns_guessed = models.BooleanField(default=False)
    parent = models.ForeignKey(
        "self",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        help_text="The version that this one was made from",
    )
    repairs: "models.JSONField[Any, Any]" = OrderedJSONField(
        default=dict, blank=True, help_text="What was done to the parent"
    )
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)

    objects = DatasetQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at",)

    def __str__(self) -> str:
        return f"Dataset {self.id}"

    @property
    def folder(self) -> str:
        return f"datasets/{self.id}"

    @property
    def original_key(self) -> str:
        return f"{self.folder}/original"

    @property
    def examples_key(self) -> str:
        return f"{self.folder}/examples.jsonl"

    @property
    def index_key(self) -> str:
        return f"{self.folder}/index"

    @property
    def problems_key(self) -> str:
        return f"{self.folder}/problems.jsonl"

    @property
    def problem_index_key(self) -> str:
        return f"{self.folder}/problems.index"

    @property
    def keys(self) -> tuple[str, ...]:
        return (
            self.original_key,
            self.examples_key,
            self.index_key,
            self.problems_key,
            self.problem_index_key,
        )


class Deletion(models.Model):
    """A stored file that shall go: written with the deletion of what it belonged to."""

    key = models.CharField(max_length=255, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.key


class State(models.TextChoices):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class WorkQuerySet(models.QuerySet["Any"]):
    def claimable(self) -> "WorkQuerySet":
        """Waiting, or begun by a worker that no longer renews its lease."""
        lost = Q(state=State.RUNNING, lease_until__lt=timezone.now())
        return self.filter(Q(state=State.QUEUED) | lost)


class Work(models.Model):
    """One computation on a dataset: the row is the truth about it.

    `fence` grows with each claim; a worker writes only while the fence is its own, so
    one that was taken for dead changes nothing when it wakes up.
    """

    State = State

    state = models.CharField(max_length=8, choices=State, default=State.QUEUED)
    progress = models.PositiveSmallIntegerField(default=0, help_text="Percent")
    fence = models.PositiveIntegerField(default=0)
    lease_until = models.DateTimeField(null=True, blank=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = WorkQuerySet.as_manager()

    class Meta:
        abstract = True


class Analysis(Work):
    """The computation of a dataset's profile."""

    dataset = models.OneToOneField(
        Dataset, on_delete=models.CASCADE, primary_key=True, related_name="analysis"
    )
    profile: "models.JSONField[Any, Any]" = OrderedJSONField(null=True, blank=True)
    rules_version = models.PositiveIntegerField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "analyses"
        indexes = [models.Index(fields=["state", "lease_until"], name="analysis_queue")]

    def __str__(self) -> str:
        return f"Analysis of {self.dataset_id}"


class Insight(Work):
    """The closer look at a dataset, after its analysis."""

    dataset = models.OneToOneField(
        Dataset, on_delete=models.CASCADE, primary_key=True, related_name="insight"
    )
    report: "models.JSONField[Any, Any]" = OrderedJSONField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["state", "lease_until"], name="insight_queue")]

    def __str__(self) -> str:
        return f"Insight into {self.dataset_id}"
