from typing import Any

from rest_framework import serializers

from recommender.core.catalog import TASK_ALIASES, Target, Task


class NeedSerializer(serializers.Serializer[Any]):
    session_id = serializers.CharField(max_length=64)
    task_type = serializers.CharField(
        max_length=40,
        help_text=", ".join([*Task, *TASK_ALIASES]),
    )
    deployment_target = serializers.CharField(
        max_length=40, help_text=", ".join(Target)
    )


class RecommendedSerializer(serializers.Serializer[Any]):
    model_id = serializers.CharField(source="model.slug")
    model_name = serializers.CharField(source="model.name")
    size = serializers.CharField(source="model.size")
    score = serializers.FloatField()
    reasons = serializers.ListField(child=serializers.CharField())
    is_gated = serializers.BooleanField(source="model.is_gated")


class RankingSerializer(serializers.Serializer[Any]):
    recommendations = RecommendedSerializer(many=True, source="recommended")
