"""The score of a model that can work: weighted parts, each with its reason."""

import math
from dataclasses import dataclass
from statistics import fmean

from recommender.core import fit, memory
from recommender.core.catalog import Catalog, ModelSpec, Task
from recommender.core.fit import Need

# Quality after fine-tuning leads. Task fit is small on purpose: over 10 base models and
# 31 tasks (LoRA Land, arXiv 2405.00732, table 12) choosing by task type was no better
# than taking the model that is best overall.
WEIGHTS = {"quality": 0.50, "task": 0.15, "effort": 0.15, "data": 0.10, "serving": 0.10}

PLACES = 12  # models in the distil labs round
UNPLACED_SHRINKAGE = 0.5  # how much of its maker's advantage an unmeasured model gets
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


@dataclass(frozen=True)
class Part:
    name: str
    value: float  # 0..1
    reason: str


@dataclass(frozen=True)
class Score:
    value: float
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class QualityLine:
    """Quality after tuning against size, by least squares over the ranked models."""

    slope: float  # per factor of ten in parameters outside the embedding
    intercept: float
    maker_advantage: dict[str, float]

    def predict(self, model: ModelSpec) -> float:
        size = math.log10(model.parameters.non_embedding)
        advantage = self.maker_advantage.get(model.maker, 0.0)
        value = self.intercept + self.slope * size + UNPLACED_SHRINKAGE * advantage
        return min(max(value, 0.05), 0.95)


def measured_quality(model: ModelSpec) -> float | None:
    """1 for the first of the distil labs round, 0 for the last; None if not in it."""
    evidence = model.evidence
    rank = evidence.tuned_average_rank or evidence.tuned_place
    if rank is None and evidence.tuned_place_from is not None:
        rank = (evidence.tuned_place_from + PLACES) / 2
    return None if rank is None else 1 - (rank - 1) / (PLACES - 1)


def quality_line(catalog: Catalog) -> QualityLine:
    points = [
        (math.log10(model.parameters.non_embedding), value, model.maker)
        for model in catalog.models
        if (value := measured_quality(model)) is not None
    ]
    mean_x = fmean(x for x, _, _ in points)
    mean_y = fmean(y for _, y, _ in points)
    slope = sum((x - mean_x) * (y - mean_y) for x, y, _ in points) / sum(
        (x - mean_x) ** 2 for x, _, _ in points
    )
    intercept = mean_y - slope * mean_x
    advantages = {
        maker: fmean(y - intercept - slope * x for x, y, by in points if by == maker)
        for maker in sorted({maker for _, _, maker in points})
    }
    return QualityLine(slope, intercept, advantages)


def score(model: ModelSpec, need: Need, task: Task, line: QualityLine) -> Score:
    parts = (
        _quality(model, line),
        _task(model, need, task),
        _effort(model, need),
        _data(model, need),
        _serving(model, need),
    )
    value = sum(WEIGHTS[part.name] * part.value for part in parts)
    return Score(round(value, 4), parts)


def _quality(model: ModelSpec, line: QualityLine) -> Part:
    measured, evidence = measured_quality(model), model.evidence
    if measured is None:
        size = model.parameters.non_embedding / 1e9
        reason = (
            "No public comparison after fine-tuning; expected from its size "
            f"({size:.2f}B parameters outside the embedding) and its maker's others"
        )
        return Part("quality", line.predict(model), reason)
    place = evidence.tuned_place or f"{evidence.tuned_place_from} or below"
    interval = (
        f", average rank {evidence.tuned_average_rank} ± {evidence.tuned_rank_interval}"
        if evidence.tuned_average_rank
        else ""
    )
    reason = (
        f"Place {place} of {PLACES} after fine-tuning{interval} "
        f"({evidence.tuned_source})"
    )
    return Part("quality", measured, reason)


def _task(model: ModelSpec, need: Need, task: Task) -> Part:
    if model.specialty == "code":
        fits = task is Task.CODE_GENERATION
        text = "Made for code" if fits else "Made for code, not for this task"
        return Part("task", 0.75 if fits else 0.25, f"{text} (its card)")
    wanted = _benchmarks_for(need, task)
    found = [entry for entry in model.evidence.benchmarks if entry.name in wanted]
    if not found:
        names = " or ".join(wanted)
        return Part("task", 0.5, f"No comparable {names} result is public")
    value = fmean(1 - (entry.place - 1) / (entry.of - 1) for entry in found)
    best = min(found, key=lambda entry: (entry.place / entry.of, entry.name))
    reason = (
        f"{best.name} {best.score:g}, place {best.place} of {best.of} in one harness "
        f"({best.source})"
    )
    return Part("task", value, reason)


def _benchmarks_for(need: Need, task: Task) -> tuple[str, ...]:
    if need.profile.tool_examples:
        return TOOL_BENCHMARKS
    scripts = need.profile.scripts
    foreign = sum(share for name, share in scripts.items() if name != "latin")
    return MULTILINGUAL_BENCHMARKS if foreign > 0.5 else TASK_BENCHMARKS[task]


def _effort(model: ModelSpec, need: Need) -> Part:
    length = need.training_length
    needed = fit.training_gib(model, length)
    speed = memory.training_tokens_per_second(model)
    room = 1 - needed / memory.T4_GIB
    value = 0.5 * _log_share(speed, 150, 3000) + 0.5 * min(max(room, 0.0), 1.0)
    reason = (
        f"4-bit training at {length:,} tokens takes about {needed:.1f} GiB of a free "
        f"T4's {memory.T4_GIB} (plain Hugging Face, batch 1, an upper estimate), "
        f"at roughly {speed:,.0f} tokens a second"
    )
    return Part("effort", value, reason)


def _data(model: ModelSpec, need: Need) -> Part:
    rows, p95 = need.profile.total_examples, need.profile.tokens_p95
    size = _log_share(model.parameters.non_embedding, 1e8, 8e9)
    place = model.evidence.tunable_place
    if rows < FEW_EXAMPLES:
        value = 0.75 - 0.25 * (place - 1) / (PLACES - 1) if place else 0.5
        learns = f", and place {place} of {PLACES} in gain from tuning" if place else ""
        text = f"{rows:,} examples are few{learns}"
    else:
        value = size if rows > MANY_EXAMPLES else 0.5 + 0.5 * (size - 0.5)
        text = f"Your {rows:,} examples"
    context = f"95% need at most {p95:,} of its {model.context_length:,} tokens"
    return Part("data", value, f"{text}; {context}")


def _serving(model: ModelSpec, need: Need) -> Part:
    used, limit = fit.serving_gb(model, need), fit.SERVING_LIMIT_GB[need.target]
    if used is None:
        return Part("serving", 0.0, "No ready build for this target")
    value = 1 - _log_share(used, limit / 32, limit)
    bits = "16-bit" if limit > 20 else "4-bit"
    machine = fit.MACHINE[need.target]
    reason = f"Runs in {used:.1f} GB ({bits}), {machine} leaves about {limit:g} GB"
    return Part("serving", value, reason)


def _log_share(value: float, low: float, high: float) -> float:
    """Where `value` lies between `low` (0) and `high` (1) on a logarithmic scale."""
    share = math.log(value / low) / math.log(high / low)
    return min(max(share, 0.0), 1.0)
