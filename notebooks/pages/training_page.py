"""Everything that the training page shows about a plan and its alternatives."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from datasets.core.presentation.profile import ProfileBar, token_bars
from datasets.models import Dataset
from datasets.pages.data_page import profile_now
from datasets.services import rows_longer_than
from notebooks.core.planning.plan import TrainingPlan, plan
from notebooks.core.planning.preflight import Preflight, preflight
from notebooks.generation import MAX_PACKING
from recommender.core.catalog.catalog import ModelSpec
from recommender.core.catalog.gpus import Gpu
from recommender.core.estimates import lengths
from recommender.core.estimates.presets import PRESETS
from recommender.core.estimates.wording import Words, words_of
from recommender.core.needs.known_data import KnownData
from recommender.services import data_of
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
    training: Words
    is_chosen: bool


@dataclass(frozen=True)
class Overview:
    model: ModelSpec
    gpu: Gpu
    plan: TrainingPlan
    presets: list[PresetCard]
    preflight: Preflight
    changed: int
    tokens: list[ProfileBar]  # rows by their tokens
    cut_from: int  # of the same tokens
    basis: str  # how they were turned into the model's
    # Why the chosen settings cannot be used; the plan is without them.
    fault: InvalidInput | None


def overview(
    dataset: Dataset, model: ModelSpec, config: Mapping[str, Any], gpu: Gpu
) -> Overview:
    profile_now(dataset)
    data = data_of(dataset)
    fault = None
    try:
        found = plan(model, data, config, gpu)
    except InvalidInput as error:
        fault, config = error, {}
        found = plan(model, data, config, gpu)
    reach = int(lengths.reach(model, data, found.estimate.setup.length))
    return Overview(
        model=model,
        gpu=gpu,
        plan=found,
        presets=[_preset(name, found, data, config) for name in PRESETS],
        preflight=preflight(
            found,
            rows_cut=rows_longer_than(dataset, reach),
            data_inside=_is_inside(dataset),
        ),
        tokens=token_bars(data.profile),
        cut_from=reach,
        basis=lengths.ratio_of(model, data).basis,
        changed=len(set(config) - {"preset"}),
        fault=fault,
    )


def _preset(
    name: str, shown: TrainingPlan, data: KnownData, config: Mapping[str, Any]
) -> PresetCard:
    config = {**config, "preset": name}
    other = plan(shown.model, data, config, shown.estimate.gpu)
    title, about = PRESET_WORDS[name]
    is_chosen = name == shown.settings["preset"]
    return PresetCard(name, title, about, other, words_of(other.figures), is_chosen)


def _is_inside(dataset: Dataset) -> bool:
    """Whether the rows will most likely be embedded; their compressed size decides."""
    limit = settings.SLMGEN_NOTEBOOK_EMBED_MB * 10**6
    return dataset.examples_bytes <= limit * MAX_PACKING
