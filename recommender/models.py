import uuid
from typing import Any

from django.db import models

from datasets.models import Dataset
from slmgen.db.fields import OrderedJSONField


class Recommendation(models.Model):
    """A ranking that was returned, with everything it was computed from."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    dataset = models.ForeignKey(Dataset, on_delete=models.CASCADE, related_name="+")
    task = models.CharField(max_length=40)
    target = models.CharField(max_length=40)
    ranking: "models.JSONField[Any, Any]" = OrderedJSONField()
    trace: "models.JSONField[Any, Any]" = OrderedJSONField(default=dict)
    catalog_version = models.CharField(max_length=64)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-created_at",)
        indexes = [
            models.Index(fields=["dataset", "-created_at"], name="recommendation_last")
        ]

    def __str__(self) -> str:
        return f"Recommendation {self.id}"
