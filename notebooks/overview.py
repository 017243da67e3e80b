"""Everything that the training page shows about a plan and its alternatives."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from datasets.browsing import profile_now
from datasets.core.report import Bar, token_bars
from datasets.models import Dataset
from datasets.services import rows_longer_than
from notebooks.core import options
from notebooks.core.plan import PRESETS, TrainingPlan
from notebooks.core.preflight import Preflight, minutes_of, preflight
from notebooks.making import MAX_PACKING
from notebooks.services import plan_training
from recommender.core.catalog import ModelSpec
from recommender.core.gpus import Gpu
from slmgen.errors import InvalidInput

PRESET_WORDS = {
    "fast": ("Quick", "A first look: does it learn at all?"),
    "balanced": ("Balanced", "The usual: as much as the data need."),
    "quality": ("Thorough", "All that the data can teach, in more time."),
}


@dataclass(frozen=True)
class PresetCard:
    value: str
    name: str
    about: str
    plan: TrainingPlan
    minutes: str
    is_chosen: bool


@dataclass(frozen=True)
class Overview:
    model: ModelSpec
    gpu: Gpu
    plan: TrainingPlan
    presets: list[PresetCard]
    preflight: Preflight
    changed: int
    tokens: list[Bar]  # rows by their tokens
    fault: str = ""  # why the chosen settings cannot be used; the plan is without them
    fault_field: str | None = None


def overview(
    dataset: Dataset, model: ModelSpec, config: Mapping[str, Any], gpu: Gpu
) -> Overview:
    profile = profile_now(dataset)
    fault, field = "", None
    try:
        plan = plan_training(dataset, model=model, training_config=config)
    except InvalidInput as error:
        fault, field = error.detail, _field_of(error.detail)
        config = {}
        plan = plan_training(dataset, model=model, training_config={})
    chosen = str(plan.settings["preset"])
    length = int(plan.settings["max_seq_length"])
    return Overview(
        model=model,
        gpu=gpu,
        plan=plan,
        presets=[
            _preset(name, dataset, model, config, gpu, chosen) for name in PRESETS
        ],
        preflight=preflight(
            plan,
            gpu=gpu,
            rows_cut=rows_longer_than(dataset, length),
            data_inside=_is_inside(dataset),
        ),
        tokens=token_bars(profile),
        changed=len(set(config) - {"preset"}),
        fault=fault,
        fault_field=field,
    )


def _field_of(detail: str) -> str | None:
    named = (name for name in options.BY_NAME if f"training_config.{name} " in detail)
    return next(named, None)


def _preset(
    name: str, dataset: Dataset, model: ModelSpec, config: Mapping[str, Any],
    gpu: Gpu, chosen: str,
) -> PresetCard:  # fmt: skip
    config = {**config, "preset": name}
    plan = plan_training(dataset, model=model, training_config=config)
    title, about = PRESET_WORDS[name]
    return PresetCard(name, title, about, plan, minutes_of(plan, gpu), name == chosen)


def _is_inside(dataset: Dataset) -> bool:
    """Whether the rows will most likely fit into the notebook; packing decides."""
    limit = settings.SLMGEN_NOTEBOOK_EMBED_MB * 10**6
    return dataset.examples_bytes <= limit * MAX_PACKING
