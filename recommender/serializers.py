from typing import Any

from rest_framework import serializers

from recommender.core.catalog import gpus
from recommender.core.catalog.catalog import TARGETS, TASKS
from recommender.core.needs.suggestion import Clue
from recommender.core.synonyms import Names
from slmgen.http.serializers import ExpectedField, SessionField, StrictSerializer


class NameField(ExpectedField):
    """One of our names, or another that is read as one."""

    names: Names[Any]

    def __init__(self, **options: Any) -> None:
        defaults = {"expected": self.names.expected, "help_text": self.names.help}
        super().__init__(**{"max_length": 40, **defaults, **options})


class TaskField(NameField):
    names = TASKS


class TargetField(NameField):
    names = TARGETS


class GpuField(ExpectedField):
    def __init__(self, **options: Any) -> None:
        defaults = {"expected": gpus.EXPECTED, "help_text": gpus.HELP}
        super().__init__(**{"max_length": 40, **defaults, **options})


class NeedSerializer(StrictSerializer):
    session_id = SessionField()
    task_type = TaskField()
    deployment_target = TargetField()
    gpu = GpuField(default=gpus.DEFAULT_GPU.name)
    commercial_use = serializers.BooleanField(default=True)
    max_model_size = ExpectedField(
        expected="parameters such as 4B or 600M",
        max_length=40,
        required=False,
        help_text="such as 4B or 600M",
    )
    languages = serializers.ListField(
        child=serializers.CharField(max_length=40),
        max_length=50,
        required=False,
        help_text="ISO 639-1 codes that the model must name",
    )
    ungated_only = serializers.BooleanField(default=False)


class RecommendedSerializer(serializers.Serializer[Any]):
    model_id = serializers.CharField(source="model.slug")
    model_name = serializers.CharField(source="model.name")
    size = serializers.CharField(source="model.size")
    score = serializers.FloatField()
    reasons = serializers.ListField(child=serializers.CharField(), source="all_reasons")
    is_gated = serializers.BooleanField(source="model.is_gated")


class RankingSerializer(serializers.Serializer[Any]):
    recommendations = RecommendedSerializer(many=True, source="recommended")


class ExplanationSerializer(serializers.Serializer[Any]):
    """The trace as it was stored."""

    recommendation_id = serializers.UUIDField()
    rules_version = serializers.IntegerField()
    catalog = serializers.DictField()
    need = serializers.DictField(
        help_text="What was asked; assumptions: what was read as the nearest name"
    )
    facts = serializers.DictField()
    closer_look = serializers.DictField()
    constraints = serializers.ListField(child=serializers.DictField())
    weights = serializers.DictField(child=serializers.FloatField())
    candidates = serializers.ListField(child=serializers.DictField())
    runner_up = serializers.DictField(allow_null=True)
    too_close_to_call = serializers.ListField(child=serializers.CharField())
    would_change_if = serializers.ListField(child=serializers.CharField())
    excluded = serializers.ListField(child=serializers.DictField())


class ModelSerializer(serializers.Serializer[Any]):
    """The most important facts; the rest is at the model's own address."""

    model_id = serializers.CharField(source="slug")
    model_name = serializers.CharField(source="name")
    hf_id = serializers.CharField()
    maker = serializers.CharField()
    size = serializers.CharField()
    parameters = serializers.IntegerField(source="parameters.total")
    context_length = serializers.IntegerField()
    license = serializers.CharField()
    commercial = serializers.CharField()
    is_gated = serializers.BooleanField()
    released = serializers.CharField()


class ModelListSerializer(serializers.Serializer[Any]):
    catalog_version = serializers.CharField(source="version")
    catalog_sha256 = serializers.CharField(source="sha256")
    models = ModelSerializer(many=True)


class ModelDetailSerializer(ModelSerializer):
    parameters = serializers.DictField(child=serializers.IntegerField())  # type: ignore[assignment]  # all counts, not the total alone
    unsloth_id = serializers.CharField(allow_null=True)
    unsloth_4bit_id = serializers.CharField(allow_null=True)
    training_id = serializers.CharField(allow_null=True)
    commercial_note = serializers.CharField(allow_null=True)
    architecture = serializers.CharField()
    modalities = serializers.CharField()
    thinking = serializers.CharField()
    min_transformers = serializers.CharField()
    float16_is_safe = serializers.BooleanField()
    tokenizer = serializers.CharField(source="vocabulary.name")
    specialty = serializers.CharField(allow_null=True)
    lora_target_modules = serializers.ListField(child=serializers.CharField())
    lora_params_r16 = serializers.IntegerField()
    shape = serializers.DictField()
    chat = serializers.DictField()
    languages = serializers.DictField()
    deployment = serializers.DictField()
    evidence = serializers.DictField()
    notes = serializers.ListField(child=serializers.CharField())
    sources = serializers.ListField(child=serializers.CharField())
    unverified = serializers.ListField(child=serializers.CharField())


class ClueSerializer(serializers.Serializer[Any]):
    task_type = serializers.CharField(source="task.value")
    strength = serializers.SerializerMethodField()
    reason = serializers.CharField()

    def get_strength(self, clue: Clue) -> float:
        return round(clue.strength, 2)


class RowsOverSerializer(serializers.Serializer[Any]):
    model_id = serializers.CharField()
    model_name = serializers.CharField()
    context_length = serializers.IntegerField()
    least = serializers.IntegerField()
    most = serializers.IntegerField()
    is_exact = serializers.BooleanField()
    basis = serializers.CharField()


class ContextsSerializer(serializers.Serializer[Any]):
    session_id = serializers.UUIDField()
    total_examples = serializers.IntegerField()
    models = RowsOverSerializer(many=True)


class SuggestionSerializer(serializers.Serializer[Any]):
    task_type = serializers.CharField(source="task.task.value")
    task_reason = serializers.CharField(source="task.reason")
    deployment_target = serializers.CharField(source="target.value")
    target_reason = serializers.CharField()
    alternatives = ClueSerializer(many=True)
    examined = serializers.IntegerField()
