"""The score of a model: weighted parts, each with a reason and a source."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from statistics import fmean

from recommender.core.catalog.catalog import ModelEvidence, ModelSpec, Task
from recommender.core.estimates import lengths
from recommender.core.estimates.serving import serving
from recommender.core.estimates.training import TrainingEstimate
from recommender.core.estimates.wording import words_of
from recommender.core.needs.needs import Need
from recommender.core.ranking.model_quality import ROUND_MODELS, QualityFit, quality

# Quality after fine-tuning has the largest weight. The task has a small one on purpose:
# over 10 base models and 31 tasks (LoRA Land, arXiv 2405.00732, table 12) choosing by
# task type was no better than taking the best model overall:
# benchmarks/recommender/evaluate.py.
WEIGHTS = {"quality": 0.50, "task": 0.15, "effort": 0.15, "data": 0.10, "serving": 0.10}

FEW_EXAMPLES, MANY_EXAMPLES = 500, 5_000
TASK_BENCHMARKS = {
    Task.INSTRUCTION_FOLLOWING: ("IFEval",),
    Task.CONVERSATION: ("IFEval",),
    Task.QA: ("MMLU",),
    Task.CLASSIFICATION: ("MMLU", "IFEval"),
    Task.EXTRACTION: ("IFEval",),
    Task.GENERATION: ("IFEval",),
    Task.SUMMARIZATION: ("IFEval",),
    Task.CODE_GENERATION: ("HumanEval",),
}
MULTILINGUAL_BENCHMARKS = ("MGSM", "MMMLU")
TOOL_BENCHMARKS = ("BFCLv3",)
ORDINALS = {1: "1st", 2: "2nd", 3: "3rd"}


@dataclass(frozen=True)
class ScoredPart:
    name: str
    value: float  # 0..1
    reason: str
    source: str
    half_width: float = 0.0  # of the 95 % interval, where it is known

    def __str__(self) -> str:
        return f"{self.reason} ({self.source})"


@dataclass(frozen=True)
class Score:
    value: float
    half_width: float
    parts: tuple[ScoredPart, ...]


def score(training: TrainingEstimate, need: Need, line: QualityFit) -> Score:
    model = training.setup.model
    parts = (
        quality_part(model, line),
        task_part(model, need),
        effort_part(training, need),
        data_part(model, need),
        serving_part(model, need),
    )
    value = weigh({part.name: part.value for part in parts})
    return Score(value, WEIGHTS["quality"] * parts[0].half_width, parts)


def weigh(parts: Mapping[str, float], weights: Mapping[str, float] = WEIGHTS) -> float:
    """The weighted mean of the parts that are known."""
    total = sum(weights[name] for name in parts)
    return round(sum(weights[name] * parts[name] for name in parts) / total, 4)


def ordinal(place: int) -> str:
    return ORDINALS.get(place, f"{place}th")


def quality_part(model: ModelSpec, line: QualityFit) -> ScoredPart:
    found, evidence = quality(model, line), model.evidence
    if not found.is_measured:
        size = model.parameters.non_embedding / 1e9
        reason = (
            "No public comparison after fine-tuning; expected "
            f"{found.value:.2f} ± {found.half_width:.2f} from its {size:.2f}B "
            "parameters outside the embedding and its maker's others"
        )
        source = f"line through the distil labs round of {ROUND_MODELS} models, 2025-12"
    else:
        reason = f"{_place(evidence)} of {ROUND_MODELS} after fine-tuning"
        if evidence.tuned_average_rank:
            reason += (
                f", average rank {evidence.tuned_average_rank} ± "
                f"{evidence.tuned_rank_interval}"
            )
        source = evidence.tuned_source or "distil labs, 2025-12"
    return ScoredPart("quality", found.value, reason, source, found.half_width)


def _place(evidence: ModelEvidence) -> str:
    if evidence.tuned_place is not None:
        return ordinal(evidence.tuned_place)
    return f"{ordinal(evidence.tuned_place_from or ROUND_MODELS)} or below"


def task_part(model: ModelSpec, need: Need) -> ScoredPart:
    if model.specialty == "code":
        fits = need.task is Task.CODE_GENERATION
        text = "Made for code" if fits else "Made for code, not for this task"
        reason = f"{text}: {0.75 if fits else 0.25:g} instead of 0.5"
        return ScoredPart("task", 0.75 if fits else 0.25, reason, "its card")
    wanted = benchmarks_for(need)
    found = [entry for entry in model.evidence.benchmarks if entry.name in wanted]
    if not found:
        names = " or ".join(wanted)
        reason = f"No comparable {names} result is public, so 0.5"
        return ScoredPart("task", 0.5, reason, "the catalog's evidence")
    value = fmean(1 - (entry.place - 1) / (entry.of - 1) for entry in found)
    best = min(found, key=lambda entry: (entry.place / entry.of, entry.name))
    reason = f"{best.name} {best.score:g}, {ordinal(best.place)} of {best.of}"
    return ScoredPart("task", value, reason, best.source)


def benchmarks_for(need: Need) -> tuple[str, ...]:
    if need.profile.tool_examples:
        return TOOL_BENCHMARKS
    if need.is_multilingual:
        return MULTILINGUAL_BENCHMARKS
    return TASK_BENCHMARKS[need.task]


def effort_part(training: TrainingEstimate, need: Need) -> ScoredPart:
    gpu = training.gpu
    smallest = replace(training.setup, batch=1)
    slow, fast = (
        speed / factor
        for speed, factor in zip(training.tokens_per_second, gpu.speed, strict=True)
    )
    room = 1 - smallest.gib / gpu.usable_gib
    speed = log_share(math.sqrt(slow * fast), 150, 3000)
    value = 0.5 * speed + 0.5 * min(max(room, 0.0), 1.0)
    source = "formula held to 34 runs on a T4, plain Hugging Face"
    if unsloth := words_of(training.figures).unsloth:
        source += f"; with Unsloth {unsloth}"
    return ScoredPart("effort", value, _effort_reason(training, need), source)


def _effort_reason(training: TrainingEstimate, need: Need) -> str:
    setup, worded = training.setup, words_of(training.figures)
    ratio = lengths.ratio_of(setup.model, need.data)
    own = lengths.in_model_tokens(setup.model, need.data, need.profile.tokens_p95)
    cost = f", {worded.cost} where it is rented" if worded.cost else ""
    return (
        f"p95 of your examples is {own:,} of its tokens ({ratio.basis}); "
        f"trains in {worded.memory} of {worded.gpu}'s {training.gpu.usable_gib:g} "
        f"({setup.words}); {worded.extent} take {worded.time}{cost}"
    )


def data_part(model: ModelSpec, need: Need) -> ScoredPart:
    rows, place = need.profile.total_examples, model.evidence.tunable_place
    size = log_share(model.parameters.non_embedding, 1e8, 8e9)
    if rows < FEW_EXAMPLES:
        steps = (place - 1) / (ROUND_MODELS - 1) if place else 1.0
        value = 0.75 - 0.25 * steps
        gain = (
            f", {ordinal(place)} of {ROUND_MODELS} in gain from tuning" if place else ""
        )
        reason = f"{rows:,} examples are few{gain}"
    else:
        value = size if rows > MANY_EXAMPLES else 0.5 + 0.5 * (size - 0.5)
        much = (
            "enough for a large model" if rows > MANY_EXAMPLES else "a middling number"
        )
        reason = f"{rows:,} examples are {much}, it has {model.size} parameters"
    return ScoredPart(
        "data", value, reason, "our judgment; gains from distil labs, 2025-12"
    )


def serving_part(model: ModelSpec, need: Need) -> ScoredPart:
    found = serving(model, need)
    if found.gb is None:
        return ScoredPart(
            "serving", 0.0, "0 ready builds for this target", "web-llm 0.2.83"
        )
    place = found.place
    value = 1 - log_share(found.gb, place.limit_gb / 32, place.limit_gb)
    reason = (
        f"Runs in {found.gb:.1f} GB ({place.bits}-bit) of the {place.limit_gb:g} GB "
        f"that {place.label} leaves"
    )
    return ScoredPart("serving", value, reason, place.basis)


def log_share(value: float, low: float, high: float) -> float:
    """The position of `value` between `low` (0) and `high` (1) on a logarithmic
    scale."""
    share = math.log(value / low) / math.log(high / low)
    return min(max(share, 0.0), 1.0)
