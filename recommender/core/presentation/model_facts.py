"""What the catalog tells about a model, ready to be shown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from recommender.core.catalog.catalog import Catalog, Commercial, ModelSpec
from recommender.core.estimates import memory
from recommender.core.estimates.training import TrainingSetup
from recommender.core.estimates.wording import gib_words
from recommender.core.needs.needs import SERVING_CONTEXT
from slmgen.errors import InvalidInput, NotFound

MOST_COMPARED = 4


class CommercialUse(NamedTuple):
    fact: str  # beside "Commercial use"
    phrase: str  # after the name of a license


COMMERCIAL: Mapping[Commercial, CommercialUse] = {
    "yes": CommercialUse("allowed", "commercial use is allowed"),
    "yes_with_use_policy": CommercialUse(
        "allowed, under a use policy", "commercial use is allowed within its use policy"
    ),
    "conditional": CommercialUse(
        "allowed under conditions", "commercial use has conditions"
    ),
    "unclear": CommercialUse("unclear: treat as no", "commercial use is unclear"),
    "no": CommercialUse("not allowed", "no commercial use"),
}
EXAMPLE_LENGTH, EXAMPLE_RANK = 1024, 16


@dataclass(frozen=True)
class ModelFact:
    name: str
    value: str


@dataclass(frozen=True)
class ComparisonRow:
    """One fact of several models."""

    name: str
    values: tuple[str, ...]


def find_model(catalog: Catalog, model_id: str) -> ModelSpec:
    """By slug. Raises NotFound with a hint where to look."""
    try:
        return catalog.get(model_id)
    except InvalidInput:
        raise NotFound(
            "There is no model with this id; GET /models lists those there are."
        ) from None


def chosen_models(catalog: Catalog, ids: Sequence[str]) -> tuple[ModelSpec, ...]:
    """The models to compare, each once. Raises InvalidInput for too many."""
    if len(ids) > MOST_COMPARED:
        raise InvalidInput(
            f"{len(ids)} models are chosen; compare at most {MOST_COMPARED}."
        )
    return tuple(dict.fromkeys(catalog.get(model_id) for model_id in ids))


def facts(model: ModelSpec) -> tuple[ModelFact, ...]:
    return (
        *_identity(model),
        *_figures(model),
        ModelFact("System prompts", model.template.system_role),
        ModelFact("Tools", model.tools),
        ModelFact("Thinking", model.thinking),
        ModelFact("Float16 training", "safe" if model.float16_is_safe else "overflows"),
        ModelFact("Needs transformers", model.min_transformers),
        ModelFact("Quality", _quality(model)),
        ModelFact("Not verified", "; ".join(model.unverified) or "nothing open"),
    )


def _identity(model: ModelSpec) -> tuple[ModelFact, ...]:
    gate = "asks for a login" if model.is_gated else "open"
    copy = f"; open copy {model.unsloth_id}" if model.is_gated else ""
    return (
        ModelFact("Maker", model.maker),
        ModelFact("Released", model.released),
        ModelFact("License", model.commercial_note or model.license),
        ModelFact("Commercial use", COMMERCIAL[model.commercial].fact),
        ModelFact("Access", f"{gate}{copy if model.unsloth_id else ''}"),
        ModelFact("Languages", languages(model)),
    )


def _figures(model: ModelSpec) -> tuple[ModelFact, ...]:
    setup = TrainingSetup(model, "unsloth", True, 1, EXAMPLE_LENGTH, EXAMPLE_RANK)
    about = "about " if model.deployment.gguf_is_estimated else ""
    webllm = model.deployment.webllm_mb
    run = memory.serving_gb(model, context=SERVING_CONTEXT)
    return (
        ModelFact("Parameters", f"{model.parameters.total:,}"),
        ModelFact("Context", f"{model.context_length:,} tokens"),
        ModelFact(
            f"Training, 4-bit, {EXAMPLE_LENGTH:,} tokens",
            f"{gib_words(setup.gib_range)}; with Unsloth "
            f"{gib_words(setup.unsloth_gib_range)}",
        ),
        ModelFact("4-bit file", f"{about}{model.deployment.gguf_q4_mb:,} MB"),
        ModelFact(f"Running, 4-bit, {SERVING_CONTEXT:,} tokens", f"{run:.1f} GB"),
        ModelFact("In a browser", f"{webllm:,.0f} MB" if webllm else "no ready build"),
    )


def languages(model: ModelSpec) -> str:
    languages = model.languages
    if languages.scope == "broad_claim":
        return languages.claim or "many, as its maker claims"
    if languages.scope == "english_mainly":
        return "mainly English"
    return ", ".join(languages.codes) or languages.claim or "not stated"


def _quality(model: ModelSpec) -> str:
    evidence = model.evidence
    if evidence.tuned_place is not None:
        return f"place {evidence.tuned_place} of 12 after fine-tuning"
    if evidence.tuned_place_from is not None:
        return f"place {evidence.tuned_place_from} or below of 12 after fine-tuning"
    return "no public comparison after fine-tuning"


def comparison(models: Sequence[ModelSpec]) -> tuple[ComparisonRow, ...]:
    columns = [facts(model) for model in models]
    return tuple(
        ComparisonRow(cells[0].name, tuple(cell.value for cell in cells))
        for cells in zip(*columns, strict=True)
    )
