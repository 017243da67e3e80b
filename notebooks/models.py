import uuid
from typing import Any

from django.db import models

from datasets.models import AnyUser, Dataset
from slmgen.db.fields import OrderedJSONField

# Colab opens files only from public hosts. Unless users publish the notebook
# themselves, its upload dialog is the right link.
COLAB_UPLOAD_URL = "https://colab.research.google.com/#upload=true"


class NotebookQuerySet(models.QuerySet["Notebook"]):
    def visible_to(self, user: AnyUser) -> "NotebookQuerySet":
        return self.filter(dataset__in=Dataset.objects.visible_to(user))


class Notebook(models.Model):
    """A generated notebook; its file is stored under `key` and never changes."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    dataset = models.ForeignKey(Dataset, on_delete=models.CASCADE, related_name="+")
    model_id = models.CharField(max_length=100)
    training_config: "models.JSONField[Any, Any]" = OrderedJSONField(
        help_text="Every setting of the run, chosen or computed"
    )
    figures: "models.JSONField[Any, Any]" = OrderedJSONField(
        default=list,
        blank=True,
        help_text="What the training of each of its models takes on which GPU, as its "
        "introduction says; empty in older ones",
    )
    candidates: "models.JSONField[Any, Any]" = models.JSONField(
        default=list, blank=True, help_text="All models of a notebook that compares"
    )
    filename = models.CharField(max_length=150, unique=True)
    size = models.PositiveIntegerField()
    sha256 = models.CharField(max_length=64)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = NotebookQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at",)

    def __str__(self) -> str:
        return f"Notebook {self.id}"

    @property
    def gpu(self) -> str:
        """The GPU it was planned for; empty in older notebooks."""
        return self.figures[0]["gpu"] if self.figures else ""

    @property
    def key(self) -> str:
        return f"notebooks/{self.id}/{self.filename}"

    @property
    def download_url(self) -> str:
        return f"/download/{self.filename}"

    @property
    def colab_url(self) -> str:
        return COLAB_UPLOAD_URL
