"""Every value that the notebook needs, computed from data, model and choices."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from datasets.core.profile import Profile
from notebooks.core import options
from recommender.core import memory
from recommender.core.catalog import ModelSpec
from slmgen.errors import InvalidInput

T4_GIB = memory.T4_GIB
TEMPLATE_TOKENS = 32  # of a chat template around one example, roughly
TOKENIZER_MARGIN = 1.2  # the model's own tokenizer may need more tokens than ours
LENGTH_STEP = 64
MAX_DEFAULT_LENGTH = 4096
EXAMPLES_PER_STEP = 8
FEW_EXAMPLES = 200  # below, a wide adapter learns them by heart
# Measured speeds lie within × 1.48 of the formula, plus loading.
TIME_RANGE = (0.6, 2.0)


@dataclass(frozen=True)
class Preset:
    """How far the computed settings go."""

    wanted_steps: int  # by repeating little data
    max_epochs: int
    max_steps: int  # -1: as many as the epochs have
    lora_rank: int  # half of it for few examples
    covered: Callable[[Profile], int]  # tokens of the examples that must fit
    learning_rate: float  # half of it from 5 billion parameters on


PRESETS = {
    "fast": Preset(100, 2, 100, 8, lambda profile: profile.tokens_p95, 2e-4),
    "balanced": Preset(300, 5, -1, 16, lambda profile: profile.tokens_p99, 2e-4),
    "quality": Preset(600, 8, -1, 32, lambda profile: profile.tokens_max, 1e-4),
}

MAX_CANDIDATES = 3
MIN_BAKE_OFF_EXAMPLES = 20  # of which two are compared with
BAKE_OFF_EXAMPLES = 460  # the notebook trains on 400 and compares with 60

# Cells with one of these tags are there only when it was chosen; others always are.
OPTIONAL_TAGS = frozenset(
    {"trl", "unsloth", "gated", "embedded", "external", "single", "bakeoff"}
)


@dataclass(frozen=True)
class TrainingPlan:
    """The parameters cell, plus what the introduction tells."""

    model: ModelSpec
    settings: dict[str, options.Value]
    train_examples: int
    steps: int
    tokens: int  # that all steps read, estimated
    memory_gib: tuple[float, float]
    minutes: tuple[int, int]

    @property
    def backend(self) -> str:
        return str(self.settings["backend"])

    @property
    def model_id(self) -> str:
        if self.backend == "unsloth" and self.model.unsloth_id:
            return self.model.unsloth_id
        return self.model.training_id or self.model.hf_id

    @property
    def is_gated(self) -> bool:
        return self.model.is_gated and self.model_id == self.model.hf_id

    def parameters(self) -> dict[str, Any]:
        """Names and values of the parameters cell, in order."""
        values = {name.upper(): value for name, value in self.settings.items()}
        for hidden in ("PRESET", "BACKEND", "QUANTIZATION"):
            del values[hidden]
        return {
            "MODEL_ID": self.model_id,
            "MODEL_REVISION": "main",
            "LOAD_IN_4BIT": self.settings["quantization"] == "4bit",
            "FLOAT16_IS_SAFE": self.model.float16_is_safe,
            "TARGET_MODULES": list(self.model.lora_target_modules),
            **values,
            "EARLY_STOPPING_PATIENCE": 3,
            "MAX_NEW_TOKENS": 256,
            "OUTPUT_DIR": "outputs",
            "SAVE_MERGED": False,
            "GGUF": "",
            "PUSH_TO_HUB": "",
            "PROGRESS_URL": "",
            "PROGRESS_TOKEN": "",
        }


def bake_off(
    models: Sequence[ModelSpec], profile: Profile, config: Mapping[str, Any]
) -> list[TrainingPlan]:
    """A first look at each of several models, on a part of the data that all share.

    Raises InvalidInput for more models than a notebook compares, and as `plan` does.
    """
    if len({model.slug for model in models}) != len(models):
        raise InvalidInput("model_ids names a model twice; name each once.")
    if not 2 <= len(models) <= MAX_CANDIDATES:
        raise InvalidInput(
            f"model_ids holds {len(models)}; expected 2 to {MAX_CANDIDATES} models."
        )
    if profile.total_examples < MIN_BAKE_OFF_EXAMPLES:
        raise InvalidInput(
            f"Comparing models takes at least {MIN_BAKE_OFF_EXAMPLES} examples; this "
            f"dataset has {profile.total_examples}. Choose one with model_id."
        )
    part = replace(
        profile, total_examples=min(profile.total_examples, BAKE_OFF_EXAMPLES)
    )
    return [plan(model, part, {"preset": "fast", **config}) for model in models]


def left_out(plan: TrainingPlan, *, data_inside: bool, alone: bool) -> frozenset[str]:
    """Tags of cells that do not belong to this plan, alone or among others."""
    chosen = {
        plan.backend,
        "embedded" if data_inside else "external",
        "single" if alone else "bakeoff",
    }
    return OPTIONAL_TAGS - chosen - ({"gated"} if plan.is_gated else set())


def plan(
    model: ModelSpec, profile: Profile, config: Mapping[str, Any] | None = None
) -> TrainingPlan:
    """The plan for `model` on this data; `config` overrides the computed defaults.

    Raises InvalidInput for unknown settings and for values out of range.
    """
    chosen = options.checked(config or {})
    settings = {**_defaults(model, profile, chosen), **chosen}
    length = int(settings["max_seq_length"])
    if length > model.context_length:
        raise InvalidInput(
            f"training_config.max_seq_length is {length:,}; {model.name} reads at most "
            f"{model.context_length:,} tokens."
        )
    held_back = _held_back(
        profile.total_examples, float(settings["validation_fraction"])
    )
    train = profile.total_examples - held_back
    steps = _steps(settings, train)
    tokens = _tokens(settings, profile, steps)
    return TrainingPlan(
        model=model,
        settings={option.name: settings[option.name] for option in options.OPTIONS},
        train_examples=train,
        steps=steps,
        tokens=tokens,
        memory_gib=_memory_gib(model, settings, profile),
        minutes=_minutes(model, tokens),
    )


def _defaults(
    model: ModelSpec, profile: Profile, chosen: Mapping[str, options.Value]
) -> dict[str, options.Value]:
    name = str(chosen.get("preset", "balanced"))
    preset, rows = PRESETS[name], profile.total_examples
    length = int(chosen.get("max_seq_length", default_length(model, profile, preset)))
    batch = int(chosen.get("batch_size", _batch_that_fits(model, length)))
    few, large = rows < FEW_EXAMPLES, model.parameters.total >= 5e9
    rank = int(chosen.get("lora_rank", preset.lora_rank // (2 if few else 1)))
    epochs = default_epochs(rows, preset)
    return {
        "preset": name,
        "lora_rank": rank,
        "lora_alpha": min(2 * rank, 1024),
        "lora_dropout": 0.05 if few else 0.0,
        "learning_rate": preset.learning_rate / (2 if large else 1),
        "num_epochs": epochs,
        "max_steps": _cap(rows * epochs / EXAMPLES_PER_STEP, preset.max_steps),
        "batch_size": batch,
        "gradient_accumulation_steps": max(1, EXAMPLES_PER_STEP // batch),
        "warmup_ratio": 0.05,
        "weight_decay": 0.01,
        "max_seq_length": length,
        "scheduler": "cosine",
        "optimizer": "adamw_8bit",
        # Where most of a model is its embedding, 4 bit saves nothing and costs quality.
        "quantization": "16bit" if model.parameters.total < 6e8 else "4bit",
        "packing": False,
        "seed": 42,
        "validation_fraction": 0.1,
        "backend": "unsloth",
        "thinking": False,
    }


def _cap(steps: float, most: int) -> int:
    return most if 0 < most < steps else -1


def default_length(model: ModelSpec, profile: Profile, preset: Preset) -> int:
    """Tokens that the examples need, in steps, within the model's context."""
    needed = preset.covered(profile) * TOKENIZER_MARGIN + TEMPLATE_TOKENS
    rounded = LENGTH_STEP * math.ceil(needed / LENGTH_STEP)
    return min(max(rounded, 256), MAX_DEFAULT_LENGTH, model.context_length)


def default_epochs(rows: int, preset: Preset) -> float:
    """Enough for the wanted steps, from 1 (much data) to the preset's most (little)."""
    epochs = preset.wanted_steps * EXAMPLES_PER_STEP / max(rows, 1)
    return float(min(max(round(epochs), 1), preset.max_epochs))


def _batch_that_fits(model: ModelSpec, length: int) -> int:
    for batch in (4, 2):
        allocated = memory.qlora_bytes(model, batch=batch, length=length)
        if memory.process_gib(allocated) <= T4_GIB:
            return batch
    return 1


def _held_back(rows: int, fraction: float) -> int:
    if rows < 10 or not fraction:
        return 0
    return max(1, round(rows * fraction))


def _steps(settings: Mapping[str, options.Value], train: int) -> int:
    if int(settings["max_steps"]) > 0:
        return int(settings["max_steps"])
    at_once = int(settings["batch_size"]) * int(settings["gradient_accumulation_steps"])
    return max(1, round(math.ceil(train / at_once) * float(settings["num_epochs"])))


def _memory_gib(
    model: ModelSpec, settings: Mapping[str, options.Value], profile: Profile
) -> tuple[float, float]:
    """From typical rows to a batch of the longest ones; estimates."""
    formula = (
        memory.qlora_bytes
        if settings["quantization"] == "4bit"
        else memory.lora16_bytes
    )
    limit = int(settings["max_seq_length"])
    typical = min(int(profile.tokens_p50 * TOKENIZER_MARGIN) + TEMPLATE_TOKENS, limit)
    low, high = (
        memory.process_gib(
            formula(
                model,
                batch=int(settings["batch_size"]),
                length=length,
                lora_rank=int(settings["lora_rank"]),
            )
        )
        for length in (typical, limit)
    )
    return round(low, 1), round(high, 1)


def _tokens(settings: Mapping[str, options.Value], profile: Profile, steps: int) -> int:
    at_once = int(settings["batch_size"]) * int(settings["gradient_accumulation_steps"])
    return round(steps * at_once * (profile.average_tokens + TEMPLATE_TOKENS))


def _minutes(model: ModelSpec, tokens: int) -> tuple[int, int]:
    minutes = tokens / memory.training_tokens_per_second(model) / 60
    low, high = (minutes * factor for factor in TIME_RANGE)
    return max(1, round(low)), max(2, math.ceil(high))
