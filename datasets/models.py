import uuid
from enum import StrEnum
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import models
from django.db.models import Exists, OuterRef, Q, Subquery
from django.db.models.functions import Now
from django.utils.functional import cached_property

from slmgen.db.fields import OrderedJSONField

AnyUser = AbstractBaseUser | AnonymousUser


def chat_columns() -> dict[str, str]:
    return {"messages": "messages"}


class DatasetQuerySet(models.QuerySet["Dataset"]):
    def visible_to(self, user: AnyUser) -> "DatasetQuerySet":
        """What `user` may see: their own datasets and unowned ones, whose id is the
        key."""
        kept = self.filter(emptied_at=None)
        if user.is_authenticated:
            return kept.filter(Q(owner=user.pk) | Q(owner=None))
        return kept.filter(owner=None)


class Dataset(models.Model):
    """An uploaded file and the valid examples in it. Both are stored and never
    changed."""

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
    problems_bytes = models.BigIntegerField(
        default=0, help_text="Of the lists of problems"
    )
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)
    emptied_at = models.DateTimeField(
        null=True, blank=True, help_text="Its content expired; jobs still name it"
    )

    objects = DatasetQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at",)
        indexes = [models.Index(fields=["owner", "emptied_at"], name="dataset_room")]
        permissions = [("view_dataset_content", "Can open the content of datasets")]

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

    @cached_property
    def known_work(self) -> dict[str, "WorkItem | None"]:
        """Finished work by its kind, cached on this instance."""
        return {}

    @property
    def problems_key(self) -> str:
        return f"{self.folder}/problems.jsonl"

    @property
    def problem_index_key(self) -> str:
        return f"{self.folder}/problems.index"

    @property
    def keys(self) -> tuple[str, ...]:
        """Keys of the dataset's own files, without those of work on it."""
        return (
            self.original_key,
            self.examples_key,
            self.problems_key,
            self.problem_index_key,
        )


class Deletion(models.Model):
    """A stored file to delete, recorded in the transaction that deletes its row."""

    key = models.CharField(max_length=255, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.key


class Kind(StrEnum):
    """The kinds of work of this app; other apps add kinds of their own."""

    ANALYSIS = "analysis"
    INSIGHTS = "insights"
    EXPORT = "export"
    PREVIEW = "preview"
    REPAIR = "repair"


# The start of sentences about a kind of work; `engine.handles` registers it.
WORK_LABELS: dict[str, str] = {}


def work_kinds() -> list[tuple[str, str]]:
    return sorted(WORK_LABELS.items())


class State(models.TextChoices):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


ACTIVE = (State.QUEUED, State.RUNNING)


class WorkQuerySet(models.QuerySet["WorkItem"]):
    def claimable(self) -> "WorkQuerySet":
        """Queued work, and running work whose lease has expired; work that needs the
        analysis only once it is done.

        By the database's clock, because those of hosts differ.
        """
        due = Q(lease_until=None) | Q(lease_until__lt=Now())
        analyzed = WorkItem.objects.filter(
            dataset=OuterRef("dataset"), kind=Kind.ANALYSIS, state=State.DONE
        )
        return self.filter(due, state__in=ACTIVE).filter(
            Q(kind=Kind.ANALYSIS) | Exists(analyzed)
        )


class WorkItem(models.Model):
    """One computation on a dataset; the row is the truth about it.

    `fence` increases with each claim. A worker writes only while the fence is its own,
    so one whose lease expired changes nothing when it resumes. A result exists once the
    row points to it.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    dataset = models.ForeignKey(Dataset, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=8, choices=work_kinds)
    key = models.CharField(
        max_length=64, blank=True, help_text="Digest of the payload: asked for once"
    )
    payload: "models.JSONField[Any, Any]" = OrderedJSONField(default=dict, blank=True)
    state = models.CharField(max_length=9, choices=State, default=State.QUEUED)
    progress = models.PositiveSmallIntegerField(default=0, help_text="Percent")
    attempts = models.PositiveSmallIntegerField(default=0)
    fence = models.PositiveIntegerField(default=0)
    lease_until = models.DateTimeField(
        null=True, blank=True, help_text="Running: whose it is. Queued: not before"
    )
    message = models.TextField(blank=True, help_text="Why it failed, in words")
    is_refused = models.BooleanField(
        default=False, help_text="Failed because what was asked for makes no sense"
    )
    failure_shown = models.BooleanField(
        default=False, help_text="Whoever asked was told; asking again starts it again"
    )
    file = models.CharField(max_length=255, blank=True, help_text="Key of its file")
    file_bytes = models.BigIntegerField(default=0)
    result: "models.JSONField[Any, Any]" = OrderedJSONField(null=True, blank=True)
    sent_at = models.DateTimeField(
        null=True, blank=True, help_text="When its last message was sent to Celery"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = WorkQuerySet.as_manager()

    class Meta:
        ordering = ("created_at",)
        indexes = [models.Index(fields=["state", "lease_until"], name="work_queue")]
        constraints = [
            models.UniqueConstraint(
                fields=["dataset", "kind", "key"], name="work_is_asked_for_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.dataset_id}"

    @property
    def is_active(self) -> bool:
        return self.state in ACTIVE


def of_analysis(field: str, dataset: str = "pk") -> Subquery:
    """A field of the analysis, for queries on rows that have a dataset."""
    items = WorkItem.objects.filter(dataset=OuterRef(dataset), kind=Kind.ANALYSIS)
    return Subquery(items.values(field)[:1])
