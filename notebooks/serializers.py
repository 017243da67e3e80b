from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from notebooks.core.planning.plan import TrainingPlan
from notebooks.core.planning.settings import OPTIONS, Option
from recommender.serializers import GpuField
from slmgen.http.serializers import LenientSerializer, SessionField, StrictSerializer


def _field(option: Option) -> Any:
    text = f"{option.help} {option.range[0].upper()}{option.range[1:]}."
    kinds = {
        int: serializers.IntegerField,
        float: serializers.FloatField,
        bool: serializers.BooleanField,
        str: serializers.CharField,
    }
    return kinds[option.kind](required=False, help_text=text)


# Documents the settings; `settings.checked` alone validates them.
TrainingConfigSerializer = type(
    "TrainingConfigSerializer",
    (StrictSerializer,),
    {option.name: _field(option) for option in OPTIONS},
)


class GenerateDocumentedSerializer(StrictSerializer):
    session_id = serializers.UUIDField()
    model_id = serializers.CharField(required=False, help_text="Slug or hub id")
    model_ids = serializers.ListField(
        child=serializers.CharField(),
        required=False,
        help_text="Instead of model_id: two or three, to be compared in one notebook",
    )
    training_config = TrainingConfigSerializer(required=False)
    gpu = GpuField(required=False, allow_null=True)


class GenerateSerializer(StrictSerializer):
    session_id = SessionField()
    model_id = serializers.CharField(required=False, max_length=200, allow_null=True)
    model_ids = serializers.ListField(
        child=serializers.CharField(max_length=200),
        required=False,
        allow_null=True,
        min_length=1,
        max_length=20,
    )
    training_config = serializers.JSONField(required=False, allow_null=True)
    gpu = GpuField(required=False, allow_null=True)


class DownloadQuerySerializer(LenientSerializer):
    link = serializers.BooleanField(
        default=False,
        help_text="A redirect to the file in its storage, where that has addresses",
    )


class SettingSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    value = serializers.JSONField()
    help = serializers.CharField()
    range = serializers.CharField()


class PlanSerializer(serializers.Serializer[TrainingPlan]):
    model_id = serializers.CharField(source="model.slug")
    model_name = serializers.CharField(source="model.name")
    gpu = serializers.CharField(
        source="figures.gpu", help_text="That all of this is about"
    )
    backend = serializers.CharField(help_text="The training library")
    train_examples = serializers.IntegerField(source="estimate.train_examples")
    steps = serializers.IntegerField(source="figures.steps")
    num_epochs = serializers.FloatField(
        source="figures.num_epochs",
        allow_null=True,
        help_text="Null where max_steps ends it",
    )
    fits = serializers.BooleanField(
        source="figures.fits",
        help_text="Whether the upper end of memory_gib is free on the GPU",
    )
    memory_gib = serializers.ListField(
        child=serializers.FloatField(),
        source="figures.memory_gib",
        help_text="Of plain Hugging Face training, estimated: least and most",
    )
    unsloth_gib = serializers.ListField(
        child=serializers.FloatField(),
        source="figures.unsloth_gib",
        allow_null=True,
        help_text="With Unsloth, where that is the backend: a wide range",
    )
    minutes = serializers.ListField(
        child=serializers.IntegerField(),
        source="figures.minutes",
        help_text="All of the training on this GPU, least and most",
    )
    dollars = serializers.ListField(
        child=serializers.FloatField(),
        source="figures.dollars",
        allow_null=True,
        help_text="USD where the GPU is rented; null where no price is known",
    )
    settings = serializers.SerializerMethodField()

    @extend_schema_field(SettingSerializer(many=True))
    def get_settings(self, training: TrainingPlan) -> list[dict[str, Any]]:
        return [
            {
                "name": option.name,
                "value": training.settings[option.name],
                "help": option.help,
                "range": option.range,
            }
            for option in OPTIONS
        ]


class NotebookSerializer(serializers.Serializer[Any]):
    notebook_path = serializers.CharField(source="key")
    colab_url = serializers.CharField()
    download_url = serializers.CharField()
