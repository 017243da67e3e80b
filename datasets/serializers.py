from typing import Any

from rest_framework import serializers

from datasets.core.exports.export import FORMS
from datasets.core.faults.catalog import KINDS
from datasets.core.fixes.operations import REPAIR_KINDS
from datasets.core.readers.formats import any_name
from datasets.models import WorkItem
from slmgen.http.serializers import ExpectedField, LenientSerializer, StrictSerializer

MAX_PAGE_SIZE = 100


class WorkSerializer(serializers.ModelSerializer[WorkItem]):
    """`message` says why it failed."""

    class Meta:
        model = WorkItem
        fields = (
            "id",
            "kind",
            "state",
            "progress",
            "attempts",
            "message",
            "created_at",
            "updated_at",
        )
        read_only_fields = fields


class UploadSerializer(LenientSerializer):
    file = serializers.FileField(help_text=f"{any_name()}, at most 512 MB")
    mapping = serializers.CharField(
        required=False,
        help_text='Which column holds what, as JSON: {"user": "q", "assistant": "a"}',
    )


class RenamingSerializer(StrictSerializer):
    filename = serializers.CharField(max_length=1000, help_text="Cleaned as at upload")


class UploadedSerializer(serializers.Serializer[Any]):
    session_id = serializers.UUIDField(source="id")
    filename = serializers.CharField()
    size = serializers.IntegerField()
    message = serializers.SerializerMethodField()

    def get_message(self, dataset: Any) -> str:
        return "Upload successful"


class RenamedSerializer(UploadedSerializer):
    def get_message(self, dataset: Any) -> str:
        return "Dataset renamed"


class AnalysisSerializer(serializers.Serializer[Any]):
    session_id = serializers.UUIDField()
    total_examples = serializers.IntegerField()
    total_tokens = serializers.IntegerField()
    avg_tokens_per_example = serializers.IntegerField()
    quality_score = serializers.FloatField()
    quality_issues = serializers.ListField(child=serializers.CharField())
    format_valid = serializers.BooleanField()


class PageSerializer(LenientSerializer):
    page = serializers.IntegerField(default=1, min_value=1, max_value=10**9)
    page_size = serializers.IntegerField(
        default=5, min_value=1, max_value=MAX_PAGE_SIZE
    )


class ExampleSerializer(serializers.Serializer[Any]):
    index = serializers.IntegerField()
    messages = serializers.ListField(child=serializers.DictField())
    token_count = serializers.IntegerField()


class PreviewSerializer(serializers.Serializer[Any]):
    examples = ExampleSerializer(many=True)
    total_count = serializers.IntegerField()
    page = serializers.IntegerField()
    page_size = serializers.IntegerField()


class DistributionSerializer(serializers.Serializer[Any]):
    roles = serializers.DictField(child=serializers.IntegerField())
    avg_message_length = serializers.FloatField()
    token_distribution = serializers.DictField(child=serializers.IntegerField())
    has_system_prompts = serializers.BooleanField()
    multi_turn_percentage = serializers.FloatField()


class DuplicatesSerializer(serializers.Serializer[Any]):
    count = serializers.IntegerField()
    examples = serializers.ListField(child=serializers.IntegerField())


class MappingRequestSerializer(StrictSerializer):
    mapping = serializers.DictField(
        help_text="Column by part: messages, or user and assistant; also system, "
        "context, history"
    )
    dry_run = serializers.BooleanField(
        default=False, help_text="Only show what becomes of the first good row"
    )


class MappingSerializer(serializers.Serializer[Any]):
    session_id = serializers.UUIDField()
    container = serializers.CharField()
    form = serializers.CharField()
    guessed = serializers.BooleanField()
    columns = serializers.ListField(child=serializers.CharField())
    mapping = serializers.DictField(child=serializers.CharField())
    source_row = serializers.DictField()
    example = serializers.DictField()


class ProblemQuerySerializer(PageSerializer):
    page_size = serializers.IntegerField(
        default=20, min_value=1, max_value=MAX_PAGE_SIZE
    )
    kind = ExpectedField(
        expected=f"one of {', '.join(KINDS)}",
        default=None,
        help_text="Only problems of this kind",
    )


class ProblemGroupSerializer(serializers.Serializer[Any]):
    kind = serializers.CharField()
    title = serializers.CharField()
    problems = serializers.IntegerField()
    rows = serializers.IntegerField()
    left_out = serializers.IntegerField()
    first_lines = serializers.ListField(child=serializers.IntegerField())


class ProblemSerializer(serializers.Serializer[Any]):
    line = serializers.IntegerField()
    message = serializers.IntegerField(allow_null=True)
    field = serializers.CharField()
    kind = serializers.CharField()
    found = serializers.CharField()
    expected = serializers.CharField()
    fix = serializers.CharField()
    left_out = serializers.BooleanField()
    sentence = serializers.CharField()


class ProblemsSerializer(serializers.Serializer[Any]):
    kinds = ProblemGroupSerializer(many=True)
    problems = ProblemSerializer(many=True)
    total_count = serializers.IntegerField()
    listed_count = serializers.IntegerField(
        help_text="Of total_count, those that pages can show"
    )
    page = serializers.IntegerField()
    page_size = serializers.IntegerField()


class RepairSerializer(StrictSerializer):
    kind = ExpectedField(expected=f"one of {', '.join(REPAIR_KINDS)}")
    faults = serializers.ListField(child=serializers.CharField(), default=list)
    roles = serializers.DictField(child=serializers.CharField(), default=dict)


class RepairRequestSerializer(StrictSerializer):
    repairs = RepairSerializer(many=True)
    dry_run = serializers.BooleanField(default=False, help_text="Only report")


class ChangeSerializer(serializers.Serializer[Any]):
    kind = serializers.CharField()
    changed = serializers.IntegerField()
    dropped = serializers.IntegerField()
    first = serializers.ListField(child=serializers.DictField())


class RepairedSerializer(serializers.Serializer[Any]):
    session_id = serializers.UUIDField(help_text="Of the new version")
    parent_id = serializers.UUIDField(allow_null=True)
    rows_before = serializers.IntegerField()
    rows_after = serializers.IntegerField()
    unreadable = serializers.IntegerField()
    changes = ChangeSerializer(many=True)


class ExportQuerySerializer(LenientSerializer):
    format = ExpectedField(expected=f"one of {', '.join(FORMS)}", default="jsonl")


class ProfileSerializer(serializers.Serializer[Any]):
    session_id = serializers.UUIDField()
    expires_at = serializers.DateTimeField(
        allow_null=True, help_text="When data and notebooks are deleted"
    )
    rules_version = serializers.IntegerField()
    encoding = serializers.CharField()
    total_examples = serializers.IntegerField()
    total_messages = serializers.IntegerField()
    total_tokens = serializers.IntegerField()
    answer_tokens = serializers.IntegerField()
    trainable_share = serializers.FloatField()
    roles = serializers.DictField(child=serializers.IntegerField())
    turns = serializers.DictField(child=serializers.IntegerField())
    token_histogram = serializers.DictField(child=serializers.IntegerField())
    tokens_per_example = serializers.DictField(child=serializers.IntegerField())
    tokens_per_message = serializers.DictField(child=serializers.IntegerField())
    scripts = serializers.DictField(child=serializers.FloatField())
    sampled_languages = serializers.DictField(
        child=serializers.IntegerField(),
        help_text="Examples by language, of at most 200 spread over the file; "
        "/insights counts all",
    )
    duplicates = serializers.IntegerField()
    quality_score = serializers.FloatField()
    quality_parts = serializers.ListField(child=serializers.DictField())


class InsightsSerializer(serializers.Serializer[Any]):
    """Indices count examples from 0; of long lists the first twenty are given."""

    session_id = serializers.UUIDField()
    version = serializers.IntegerField()
    languages = serializers.DictField(child=serializers.IntegerField())
    language_confidence = serializers.FloatField()
    other_languages = serializers.ListField(child=serializers.DictField())
    near_duplicates = serializers.DictField()
    conflicting_answers = serializers.DictField()
    private = serializers.DictField()
    labels = serializers.DictField(allow_null=True)
    length_outliers = serializers.DictField()
    split = serializers.DictField()
    tokenizers = serializers.DictField()
