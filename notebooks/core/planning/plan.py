"""The training plan: every value that the notebook needs, from data, model and
choices."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from notebooks.core.planning import settings as options
from recommender.core.catalog.catalog import ModelSpec
from recommender.core.catalog.gpus import DEFAULT_GPU, Gpu
from recommender.core.estimates.presets import FEW_EXAMPLES
from recommender.core.estimates.training import (
    Figures,
    SetupChoices,
    TrainingEstimate,
    choices_of,
    estimate,
)
from recommender.core.needs.known_data import KnownData
from slmgen.errors import InvalidInput

LARGE_PARAMETERS = 5e9  # models from this size on get half the learning rate
MAX_CANDIDATES = 3
MIN_BAKE_OFF_EXAMPLES = 20  # of which two are used to compare
BAKE_OFF_EXAMPLES = 460  # the notebook trains on 400 and compares with 60

# Cells with one of these tags are included only when chosen; others always are.
OPTIONAL_TAGS = frozenset(
    {"trl", "unsloth", "gated", "embedded", "external", "single", "bakeoff"}
)


@dataclass(frozen=True)
class TrainingPlan:
    """The values of the parameters cell, and the figures of the introduction."""

    model: ModelSpec
    settings: dict[str, options.Value]
    estimate: TrainingEstimate  # for these settings

    @property
    def figures(self) -> Figures:
        return self.estimate.figures

    @property
    def backend(self) -> str:
        return self.estimate.setup.backend

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
    models: Sequence[ModelSpec],
    data: KnownData,
    config: Mapping[str, Any],
    gpu: Gpu = DEFAULT_GPU,
) -> list[TrainingPlan]:
    """Plans that compare several models by a short training on a shared part of the
    data.

    Raises InvalidInput for more models than a notebook compares, and as `plan` does.
    """
    if len({model.slug for model in models}) != len(models):
        raise InvalidInput("model_ids names a model twice; name each once.")
    if not 2 <= len(models) <= MAX_CANDIDATES:
        raise InvalidInput(
            f"model_ids holds {len(models)}; expected 2 to {MAX_CANDIDATES} models."
        )
    rows = data.profile.total_examples
    if rows < MIN_BAKE_OFF_EXAMPLES:
        raise InvalidInput(
            f"Comparing models takes at least {MIN_BAKE_OFF_EXAMPLES} examples; this "
            f"dataset has {rows}. Choose one with model_id."
        )
    shared = replace(data.profile, total_examples=min(rows, BAKE_OFF_EXAMPLES))
    part = replace(data, profile=shared)
    return [plan(model, part, {"preset": "fast", **config}, gpu) for model in models]


def left_out(plan: TrainingPlan, *, data_inside: bool, alone: bool) -> frozenset[str]:
    """Tags of cells that this plan does not use, alone or in a comparison."""
    chosen = {
        plan.backend,
        "embedded" if data_inside else "external",
        "single" if alone else "bakeoff",
    }
    return OPTIONAL_TAGS - chosen - ({"gated"} if plan.is_gated else set())


def plan(
    model: ModelSpec,
    data: KnownData,
    config: Mapping[str, Any] | None = None,
    gpu: Gpu = DEFAULT_GPU,
) -> TrainingPlan:
    """The plan for `model` on this data; `config` overrides the computed defaults.

    Raises InvalidInput for unknown settings and for values out of range.
    """
    chosen = options.checked(config or {})
    choices = choices_of(chosen)
    length = choices.max_seq_length
    if length is not None and length > model.context_length:
        raise InvalidInput(
            f"training_config.max_seq_length is {length:,}; {model.name} reads at most "
            f"{model.context_length:,} tokens.",
            field="max_seq_length",
        )
    found = estimate(model, data, gpu, choices)
    settings = {**_defaults(found, choices, data), **chosen}
    ordered = {option.name: settings[option.name] for option in options.OPTIONS}
    return TrainingPlan(model, ordered, found)


def _defaults(
    found: TrainingEstimate, choices: SetupChoices, data: KnownData
) -> dict[str, options.Value]:
    setup, goals = found.setup, choices.goals
    few = data.profile.total_examples < FEW_EXAMPLES
    large = setup.model.parameters.total >= LARGE_PARAMETERS
    return {
        "preset": choices.preset,
        "lora_rank": setup.lora_rank,
        "lora_alpha": min(2 * setup.lora_rank, 1024),
        "lora_dropout": 0.05 if few else 0.0,
        "learning_rate": goals.learning_rate / (2 if large else 1),
        "num_epochs": found.num_epochs,
        "max_steps": found.max_steps,
        "batch_size": setup.batch,
        "gradient_accumulation_steps": found.gradient_accumulation_steps,
        "warmup_ratio": 0.05,
        "weight_decay": 0.01,
        "max_seq_length": setup.length,
        "scheduler": "cosine",
        "optimizer": "adamw_8bit",
        "quantization": setup.quantization,
        "packing": False,
        "seed": 42,
        "validation_fraction": found.validation_fraction,
        "backend": setup.backend,
        "thinking": False,
    }
