"""The model catalog: every fact about every model."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from datasets.core.tokenization.model_lengths import Tokenizer
from recommender.core.catalog.chat_template import ChatTemplate, Vocabulary
from recommender.core.synonyms import Names
from slmgen.error_text import named_one_of
from slmgen.errors import InvalidInput


class Task(StrEnum):
    INSTRUCTION_FOLLOWING = "instruction_following"
    CONVERSATION = "conversation"
    QA = "qa"
    CLASSIFICATION = "classification"
    EXTRACTION = "extraction"
    GENERATION = "generation"
    SUMMARIZATION = "summarization"
    CODE_GENERATION = "code_generation"


class Target(StrEnum):
    CLOUD = "cloud"
    SERVER = "server"
    DESKTOP = "desktop"
    EDGE = "edge"
    MOBILE = "mobile"
    BROWSER = "browser"


TASKS = Names(
    "task_type",
    {
        Task.INSTRUCTION_FOLLOWING: ("instructions", "instruction_tuning"),
        Task.CONVERSATION: ("chat", "chatbot", "dialogue"),
        Task.QA: ("question_answering",),
        Task.CLASSIFICATION: ("classify", "text_classification"),
        Task.EXTRACTION: ("extract", "information_extraction"),
        Task.GENERATION: ("text_generation", "creative_writing"),
        Task.SUMMARIZATION: ("summarisation", "summarize", "summarise", "summary"),
        Task.CODE_GENERATION: ("code", "coding"),
    },
    {
        "function_calling": Task.CONVERSATION,
        "tool_use": Task.CONVERSATION,
        "roleplay": Task.CONVERSATION,
        "reasoning": Task.QA,
        "rag": Task.QA,
        "translation": Task.GENERATION,
    },
)
TARGETS = Names(
    "deployment_target",
    {
        Target.CLOUD: (),
        Target.SERVER: ("on_premise",),
        Target.DESKTOP: ("laptop", "pc"),
        Target.EDGE: ("raspberry_pi", "single_board"),
        Target.MOBILE: ("phone", "smartphone", "android", "ios"),
        Target.BROWSER: ("web", "webgpu", "web_browser"),
    },
    {
        "tablet": Target.MOBILE,
        "embedded": Target.EDGE,
        "iot": Target.EDGE,
        "local": Target.DESKTOP,
    },
)


def parse_task(value: str) -> Task:
    return TASKS.read(value).value


def parse_target(value: str) -> Target:
    return TARGETS.read(value).value


@dataclass(frozen=True)
class Parameters:
    total: int
    non_embedding: int
    linear: int  # in linear layers, without embedding and head


@dataclass(frozen=True)
class Shape:
    num_layers: int
    hidden_size: int
    intermediate_size: int
    vocab_size: int
    kv_bytes_per_token: int  # 16-bit key/value cache
    has_per_layer_embeddings: bool = False


@dataclass(frozen=True)
class Languages:
    scope: Literal["listed", "english_mainly", "broad_claim"]
    codes: tuple[str, ...]
    claim: str | None = None


@dataclass(frozen=True)
class Deployment:
    gguf_q4_mb: int
    gguf_is_estimated: bool
    webllm_mb: float | None = None  # None: no ready build


@dataclass(frozen=True)
class Strength:
    claim: str
    source: str


@dataclass(frozen=True)
class Benchmark:
    """A result and its place among the models that one harness measured."""

    name: str
    score: float
    place: int
    of: int
    source: str


@dataclass(frozen=True)
class ModelEvidence:
    tuned_place: int | None = None
    tuned_place_from: int | None = None  # published only as "this place or below"
    tuned_average_rank: float | None = None
    tuned_rank_interval: float | None = None  # half width, 95 %
    tunable_place: int | None = None
    tuned_source: str | None = None
    strengths: tuple[Strength, ...] = ()
    benchmarks: tuple[Benchmark, ...] = ()


Commercial = Literal["yes", "yes_with_use_policy", "conditional", "unclear", "no"]


@dataclass(frozen=True)
class ModelSpec:
    slug: str
    name: str
    hf_id: str
    maker: str
    architecture: str
    context_length: int  # tokens, native
    license: str
    commercial: Commercial
    is_gated: bool
    released: str
    modalities: str
    thinking: str
    min_transformers: str
    float16_is_safe: bool  # False: overflows in 16-bit floats without a wide exponent
    vocabulary: Vocabulary
    template: ChatTemplate
    tools: str  # "yes", "no" or what is known
    lora_target_modules: tuple[str, ...]
    lora_params_r16: int
    notes: tuple[str, ...]
    sources: tuple[str, ...]
    unverified: tuple[str, ...]
    parameters: Parameters
    shape: Shape
    languages: Languages
    deployment: Deployment
    evidence: ModelEvidence
    unsloth_id: str | None = None
    unsloth_4bit_id: str | None = None
    commercial_note: str | None = None
    specialty: str | None = None
    training_id: str | None = None  # where hf_id holds weights that cannot be trained
    counted_by: Tokenizer | None = None  # in the insights

    @property
    def size(self) -> str:
        """Parameters as people say them: 3.8B, 268M."""
        total = self.parameters.total
        return f"{total / 1e6:.0f}M" if total < 999.5e6 else f"{total / 1e9:.1f}B"

    @property
    def chat(self) -> dict[str, str]:
        """The markers of its template, as they are published."""
        return {
            "family": self.template.family,
            "user_marker": self.template.user[0],
            "assistant_marker": self.template.assistant_marker,
            "turn_end": self.template.turn_end,
            "system_role": self.template.system_role,
            "tools": self.tools,
        }


@dataclass(frozen=True)
class Catalog:
    models: tuple[ModelSpec, ...]
    tokenizers: tuple[Tokenizer, ...]  # that the insights count by
    sha256: str  # of the file
    version: str
    transformers_limit: str  # newest that the pinned Unsloth allows

    @property
    def label(self) -> str:
        """Which catalog a ranking was made from."""
        return f"{self.version}+{self.sha256[:12]}"

    def find(self, slug: str) -> ModelSpec | None:
        """The model of a stored slug; None where it has left the catalog."""
        return next((model for model in self.models if model.slug == slug), None)

    def name_of(self, slug: str) -> str:
        """The slug itself where the model has left the catalog."""
        model = self.find(slug)
        return model.name if model is not None else slug

    def get(self, model_id: str) -> ModelSpec:
        """The model of this slug or hub id, in any case. Raises InvalidInput."""
        wanted = model_id.strip().lower()
        for model in self.models:
            if wanted in {model.slug, model.hf_id.lower()}:
                return model
        slugs = [model.slug for model in self.models]
        raise InvalidInput(named_one_of("model_id", model_id, slugs))
