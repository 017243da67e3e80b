"""Ranks the models for a need, and explains why the others are left out."""

import math
from collections import Counter
from dataclasses import dataclass, replace

from recommender.core.catalog.catalog import Catalog, ModelSpec, Target
from recommender.core.catalog.gpus import GPUS
from recommender.core.estimates import lengths
from recommender.core.estimates.training import (
    TrainingEstimate,
    best_setup,
    estimate_of,
)
from recommender.core.needs.needs import SHORT_ANSWER, Need
from recommender.core.ranking import constraints, scoring
from recommender.core.ranking.model_quality import catalog_line
from slmgen.errors import InvalidInput

OFFERED = 5
ENOUGH = 3
BROAD_CLAIM = "broad_claim"


@dataclass(frozen=True)
class Recommended:
    model: ModelSpec
    score: float  # 0..1, two decimals
    reasons: tuple[str, ...]
    detail: scoring.Score
    training: TrainingEstimate  # of a plan without choices
    # Single changes of the need that would change its rank; best models only.
    would_change_if: tuple[str, ...] = ()
    # Those that put another model first; only of the best.
    others_first: tuple[str, ...] = ()

    @property
    def all_reasons(self) -> tuple[str, ...]:
        """In one list, as the API has them."""
        changes = (f"Would change if {text}" for text in self.others_first)
        return *self.reasons, *changes


@dataclass(frozen=True)
class Excluded:
    model: ModelSpec
    violations: tuple[constraints.Violation, ...]

    @property
    def reasons(self) -> tuple[str, ...]:
        return tuple(map(str, self.violations))


@dataclass(frozen=True)
class Ranking:
    # Every model that satisfies the constraints, the best first
    candidates: tuple[Recommended, ...]
    excluded: tuple[Excluded, ...]

    @property
    def would_change_if(self) -> tuple[str, ...]:
        """Single other answers that put another model first."""
        return self.candidates[0].others_first

    @property
    def recommended(self) -> tuple[Recommended, ...]:
        return self.candidates[:OFFERED]

    @property
    def close(self) -> tuple[Recommended, ...]:
        """The recommended models whose scores are too close to the best one's to
        differ."""
        best, *others = self.recommended
        return tuple(other for other in others if _is_close(best, other))


def rank(catalog: Catalog, need: Need) -> Ranking:
    """The best first; the order of the catalog has no influence.

    Raises InvalidInput when no model satisfies the constraints, with the reasons.
    """
    found = _with_changes(catalog, need, _possible(catalog, need))
    return replace(found, candidates=_with_remarks(found, need))


def first(catalog: Catalog, need: Need) -> ModelSpec:
    """The best model, at a tenth of the cost of `rank`. Raises as `rank` does."""
    return _possible(catalog, need).candidates[0].model


def _possible(catalog: Catalog, need: Need) -> Ranking:
    found = _rank(catalog, need)
    if not found.candidates:
        raise InvalidInput(
            f"No model of the catalog can work for this: {_emptied(found)}."
        )
    return found


def _rank(catalog: Catalog, need: Need) -> Ranking:
    line = catalog_line(catalog)
    candidates, excluded = [], []
    for model in sorted(catalog.models, key=lambda model: model.slug):
        faults = constraints.violations(model, need, catalog)
        setup = best_setup(model, need.data, need.wishes.gpu)
        if faults or setup is None:
            excluded.append(Excluded(model, tuple(faults)))
            continue
        training = estimate_of(setup, need.data, need.wishes.gpu)
        detail = scoring.score(training, need, line)
        reasons = tuple(map(str, detail.parts))
        candidates.append(
            Recommended(model, round(detail.value, 2), reasons, detail, training)
        )
    candidates.sort(key=lambda entry: (-entry.detail.value, entry.model.slug))
    excluded.sort(key=lambda entry: (len(entry.violations), entry.model.slug))
    return Ranking(tuple(candidates), tuple(excluded))


def _is_close(best: Recommended, other: Recommended) -> bool:
    sure = math.hypot(best.detail.half_width, other.detail.half_width)
    return best.detail.value - other.detail.value < sure


def _emptied(found: Ranking) -> str:
    counts = Counter(
        violation.rule for entry in found.excluded for violation in entry.violations
    )
    total = len(found.excluded) + len(found.candidates)
    texts = [f"{rule} excludes {n} of {total}" for rule, n in counts.most_common(3)]
    nearest = found.excluded[0]
    return f"{', '.join(texts)}; nearest is {nearest.model.name}: {nearest.reasons[0]}"


def _with_remarks(found: Ranking, need: Need) -> tuple[Recommended, ...]:
    first, *others = [
        replace(entry, reasons=(*entry.reasons, *_remarks(entry, need)))
        for entry in found.candidates
    ]
    said = (*first.reasons, *need.wishes.assumptions, *_verdict(found))
    return replace(first, reasons=said), *others


def _verdict(found: Ranking) -> list[str]:
    """Reasons that only the best model gets."""
    texts = []
    if found.close:
        first, nearest = found.candidates[0], found.close[0]
        sure = math.hypot(first.detail.half_width, nearest.detail.half_width)
        names = ", ".join(f"{e.model.name} ({e.score:.2f})" for e in found.close[:2])
        texts.append(
            f"Too close to call: {first.score:.2f} against {names} lies within the "
            f"uncertainty of their quality (± {sure:.2f} of the score); one notebook "
            "can compare them on a part of your data"
        )
    if len(found.candidates) < ENOUGH:
        texts.append(
            f"Only {len(found.candidates)} can work for this: {_emptied(found)}"
        )
    return texts


def _other_answers(need: Need) -> dict[str, Need]:
    """The need with one value changed, in every way that could help."""
    wishes = need.wishes
    changes = {
        f"you train on gpu {name}": replace(wishes, gpu=gpu)
        for name, gpu in GPUS.items()
        # Without 4 bit, more memory can be too little.
        if gpu.can_quantize and gpu.usable_gib > wishes.gpu.usable_gib
    }
    if wishes.commercial_use:
        changes["commercial use does not matter"] = replace(
            wishes, commercial_use=False
        )
    if wishes.max_parameters is not None:
        changes["no largest size is set"] = replace(wishes, max_parameters=None)
    if wishes.ungated_only:
        changes["a model may ask for a login"] = replace(wishes, ungated_only=False)
    needs = {text: replace(need, wishes=changed) for text, changed in changes.items()}
    for target in Target:
        if target != need.target:
            needs[f"it runs on {target.value}"] = replace(need, target=target)
    rows = need.profile.total_examples
    other = scoring.FEW_EXAMPLES - 1 if rows >= scoring.FEW_EXAMPLES else 10 * rows
    profile = replace(need.profile, total_examples=other)
    needs[f"you had {other:,} examples"] = replace(need, profile=profile)
    return needs


def _smaller_gpus(need: Need) -> dict[str, Need]:
    wishes = need.wishes
    return {
        f"you train on gpu {name}": replace(need, wishes=replace(wishes, gpu=gpu))
        for name, gpu in GPUS.items()
        if gpu.usable_gib < wishes.gpu.usable_gib
    }


def _with_changes(catalog: Catalog, need: Need, found: Ranking) -> Ranking:
    """The effect of single changes on the best model and on each recommended one."""
    others = _other_answers(need)
    # A change may leave no model: a PC without a GPU has more memory but cannot
    # quantize.
    firsts = {
        text: entry.model
        for text, changed in others.items()
        for entry in _rank(catalog, changed).candidates[:1]
    }
    best = found.candidates[0].model
    known = others | _smaller_gpus(need)
    texts = _others_first(firsts, best)
    offered = []
    for entry in found.recommended:
        is_best = entry.model is best
        moves = texts if is_best else _itself_first(firsts, entry.model)
        changes = (*moves, *_exclusions(catalog, entry.model, known))
        others_first = texts if is_best else ()
        offered.append(
            replace(entry, would_change_if=changes, others_first=others_first)
        )
    return replace(found, candidates=(*offered, *found.candidates[OFFERED:]))


def _others_first(firsts: dict[str, ModelSpec], best: ModelSpec) -> tuple[str, ...]:
    said, texts = {best.slug}, []
    for text, first in firsts.items():
        if first.slug not in said:
            said.add(first.slug)
            texts.append(f"{text}: then {first.name} comes first")
    return tuple(texts)


def _itself_first(firsts: dict[str, ModelSpec], model: ModelSpec) -> tuple[str, ...]:
    ways = [text for text, first in firsts.items() if first is model]
    return tuple(f"{text}: then it comes first" for text in ways)


def _exclusions(
    catalog: Catalog, model: ModelSpec, needs: dict[str, Need]
) -> list[str]:
    return [
        f"{text}: then it no longer fits, {faults[0]}"
        for text, changed in needs.items()
        if (faults := constraints.violations(model, changed, catalog))
    ]


def _remarks(entry: Recommended, need: Need) -> list[str]:
    model, remarks = entry.model, []
    length = entry.training.setup.length
    cut = lengths.rows_over(model, need.data, length)
    if cut > need.profile.total_examples // 100:
        remarks.append(
            f"At most {cut:,} of {need.profile.total_examples:,} rows are longer than "
            f"{length:,} of its tokens and cut"
        )
    if model.languages.scope == BROAD_CLAIM and need.is_multilingual:
        remarks.append(f"Its maker claims the language: {model.languages.claim}")
    if need.profile.tool_examples and model.tools == "limited":
        remarks.append("Its template knows tools only in part")
    switchable = model.thinking.startswith(("hybrid", "switch"))
    if switchable and need.average_answer < SHORT_ANSWER:
        remarks.append(
            "It can think before it answers: keep that off, your answers have "
            f"{need.average_answer:.0f} tokens on average"
        )
    remarks.append(f"License: {model.commercial_note or model.license}")
    if model.is_gated:
        copy = f", or use the open copy {model.unsloth_id}" if model.unsloth_id else ""
        remarks.append(f"Gated: accept its terms on Hugging Face first{copy}")
    return remarks
