"""The best models for a need, and why the others are not among them."""

from dataclasses import dataclass

from datasets.core.profile import Profile
from recommender.core import fit, scoring
from recommender.core.catalog import Catalog, ModelSpec, Target, Task

OFFERED = 5
LEAST_OFFERED = 3


@dataclass(frozen=True)
class Recommended:
    model: ModelSpec
    score: float  # 0..1, two decimals
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Excluded:
    model: ModelSpec
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Ranking:
    recommended: tuple[Recommended, ...]
    excluded: tuple[Excluded, ...]


def rank(catalog: Catalog, profile: Profile, *, task: Task, target: Target) -> Ranking:
    """The best first; the order of the catalogue has no influence."""
    need = fit.Need(profile, target)
    line = scoring.quality_line(catalog)
    faults = {model.slug: fit.violations(model, need) for model in catalog.models}
    fitting = [model for model in catalog.models if not faults[model.slug]]
    others = sorted(
        (model for model in catalog.models if faults[model.slug]),
        key=lambda model: (len(faults[model.slug]), model.slug),
    )
    # Nothing left to choose from: offer what comes closest and say what speaks against.
    missing = max(LEAST_OFFERED - len(fitting), 0)
    closest = [model for model in others if _is_usable(model)][:missing]
    offered = [
        _recommended(model, need, task, line, faults[model.slug])
        for model in [*fitting, *closest]
    ]
    offered.sort(key=lambda entry: (-entry.score, entry.model.slug))
    left = tuple(
        Excluded(model, tuple(faults[model.slug]))
        for model in others
        if model not in closest
    )
    return Ranking(tuple(offered[:OFFERED]), left)


def _is_usable(model: ModelSpec) -> bool:
    """A licence is a promise to others: it is not relaxed to fill a list."""
    return model.commercial not in {"no", "unclear"}


def _recommended(
    model: ModelSpec,
    need: fit.Need,
    task: Task,
    line: scoring.QualityLine,
    faults: list[str],
) -> Recommended:
    found = scoring.score(model, need, task, line)
    # A model that breaks a rule never stands above one that breaks none.
    value = found.value if not faults else 0.1 * found.value / len(faults)
    warnings = [f"Against it: {fault}" for fault in faults]
    reasons = [*warnings, *(part.reason for part in found.parts), *_remarks(model)]
    return Recommended(model, round(value, 2), tuple(reasons))


def _remarks(model: ModelSpec) -> list[str]:
    remarks = [f"Licence: {model.commercial_note or model.license}"]
    if model.is_gated:
        remarks.append(
            "Gated: accept its terms on Hugging Face first, or use the open copy "
            f"{model.unsloth_id}"
            if model.unsloth_id
            else "Gated: accept its terms on Hugging Face first"
        )
    return remarks
