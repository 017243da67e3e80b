"""How far the recommender's figures and order lie from what was measured."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean, median

from benchmarks.recommender.evidence import (
    Evidence,
    Placed,
    Q4File,
    TrainingRun,
    TunedScore,
)
from recommender.core.catalog.catalog import Catalog
from recommender.core.estimates import memory
from recommender.core.ranking import scoring
from recommender.core.ranking.model_quality import QualityPoint, fit_line, value_of_rank

MIB = 2**20
BILLION = 1e9


@dataclass(frozen=True)
class Errors:
    """Relative errors; `worst` keeps its sign."""

    count: int
    median: float
    worst: float


def errors(pairs: Iterable[tuple[float, float]]) -> Errors:
    """Of (estimate, measurement)."""
    found = [estimate / measured - 1 for estimate, measured in pairs]
    return Errors(len(found), median(map(abs, found)), max(found, key=abs))


@dataclass(frozen=True)
class Factors:
    """By what factor estimates miss, in either direction."""

    count: int
    median: float
    worst: float


def factors(pairs: Iterable[tuple[float, float]]) -> Factors:
    found = [max(a / b, b / a) for a, b in pairs]
    return Factors(len(found), median(found), max(found))


def allocated(run: TrainingRun) -> float:
    formula = memory.peak_4bit if run.in_4bit else memory.peak_16bit
    return formula(
        run.model.parameters, run.model.shape, run.trainable, run.tokens_at_once
    )


def memory_errors(runs: Sequence[TrainingRun], *, in_4bit: bool) -> Errors:
    return errors(
        (allocated(run) / MIB, run.allocated_mib)
        for run in runs
        if run.in_4bit == in_4bit
    )


def process_errors(runs: Sequence[TrainingRun]) -> list[float]:
    """Of the process memory, ascending: a negative one is an underestimate."""
    return sorted(
        memory.process_gib(allocated(run)) * memory.GIB / MIB / run.process_mib - 1
        for run in runs
    )


def speed_factors(
    runs: Sequence[TrainingRun], chosen: Callable[[TrainingRun], bool]
) -> Factors:
    return factors(
        (
            memory.t4_tokens_per_second(
                run.model.parameters.total,
                run.model.shape.num_layers,
                in_4bit=run.in_4bit,
                tokens_at_once=run.tokens_at_once,
            ),
            run.tokens_per_second,
        )
        for run in runs
        if run.tokens_per_second is not None and chosen(run)
    )


def is_large(run: TrainingRun) -> bool:
    return run.model.parameters.total >= BILLION


def q4_errors(files: Iterable[Q4File]) -> Errors:
    return errors(
        (memory.gguf_q4_bytes(file.model.parameters), file.size_bytes) for file in files
    )


def wrong_counts(catalog: Catalog, counts: Mapping[str, int]) -> dict[str, int]:
    """Catalog minus count, where both are known and differ."""
    return {
        model.slug: model.parameters.total - counts[model.slug]
        for model in catalog.models
        if model.slug in counts and model.parameters.total != counts[model.slug]
    }


@dataclass(frozen=True)
class Agreement:
    pairs: int
    gamma: float


def agreement(placed: Sequence[Placed], scores: Mapping[str, float]) -> Agreement:
    """Goodman and Kruskal's gamma over the pairs whose order is known."""
    signs = [
        (scores[better.model.slug] > scores[worse.model.slug])
        - (scores[better.model.slug] < scores[worse.model.slug])
        for better, worse in combinations(sorted(placed, key=lambda p: p.tier), 2)
        if better.tier != worse.tier
    ]
    return Agreement(len(signs), sum(signs) / sum(map(abs, signs)))


def parameter_scores(placed: Iterable[Placed]) -> dict[str, float]:
    return {entry.model.slug: entry.model.parameters.total for entry in placed}


def expected_scores(
    placed: Sequence[Placed], *, left_out: Callable[[Placed, Placed], bool]
) -> dict[str, float]:
    """What is expected of each model by those that are not left out for it."""
    return {
        entry.model.slug: fit_line(
            [_point(other) for other in placed if not left_out(entry, other)]
        ).predict(entry.model.parameters.non_embedding, entry.model.maker)
        for entry in placed
    }


def itself(entry: Placed, other: Placed) -> bool:
    return entry.model.slug == other.model.slug


def its_maker(entry: Placed, other: Placed) -> bool:
    return entry.model.maker == other.model.maker


def _point(entry: Placed) -> QualityPoint:
    model = entry.model
    size = model.parameters.non_embedding
    return QualityPoint(model.slug, model.maker, size, value_of_rank(entry.rank))


@dataclass(frozen=True)
class Regret:
    """Points lost against the best possible pick, on average over the tasks."""

    one: float
    three: float


def regret(tuned: Sequence[TunedScore], *, task_weight: float) -> Regret:
    """Each task is chosen for by the other tasks alone: best overall, best by type."""
    weights = {"quality": 1 - task_weight, "task": task_weight}
    by_task = _by_task(tuned)
    kinds = {entry.task: entry.kind for entry in tuned}
    one, three = [], []
    for task, scores in by_task.items():
        others = [other for other in by_task if other != task]
        same = [other for other in others if kinds[other] == kinds[task]]
        overall, alike = (_percentiles(by_task, names) for names in (others, same))
        order = sorted(
            scores,
            key=lambda name: (
                -scoring.weigh(
                    {"quality": overall[name], "task": alike[name]}, weights
                ),
                name,
            ),
        )
        best = max(scores.values())
        one.append(best - scores[order[0]])
        three.append(best - max(scores[name] for name in order[:3]))
    return Regret(fmean(one), fmean(three))


def random_regret(tuned: Sequence[TunedScore]) -> float:
    return fmean(
        max(scores.values()) - fmean(scores.values())
        for scores in _by_task(tuned).values()
    )


def _by_task(tuned: Iterable[TunedScore]) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {}
    for entry in tuned:
        found.setdefault(entry.task, {})[entry.model] = entry.score
    return found


def _percentiles(
    by_task: Mapping[str, Mapping[str, float]], tasks: Sequence[str]
) -> dict[str, float]:
    """1 for the model that is best on average over `tasks`, 0 for the last."""
    names = sorted(next(iter(by_task.values())))
    if not tasks:
        return dict.fromkeys(names, 0.5)
    means = {name: fmean(by_task[task][name] for task in tasks) for name in names}
    return {
        name: fmean(
            (means[name] > means[other]) + 0.5 * (means[name] == means[other])
            for other in names
            if other != name
        )
        for name in names
    }


def own_task_weight() -> float:
    """The task's share of what is about the model and not about its cost."""
    weights = scoring.WEIGHTS
    return weights["task"] / (weights["task"] + weights["quality"])


def report(catalog: Catalog, evidence: Evidence) -> list[str]:
    return [*_arithmetic(catalog, evidence), *_order(evidence)]


def _arithmetic(catalog: Catalog, evidence: Evidence) -> list[str]:
    runs = evidence.runs
    lines = []
    for in_4bit, name in ((True, "4-bit"), (False, "16-bit")):
        found = memory_errors(runs, in_4bit=in_4bit)
        lines.append(
            f"memory, {name}: {found.count} runs, median error {found.median:.1%}, "
            f"worst {found.worst:+.1%}"
        )
    process = process_errors(runs)
    under = sum(error < 0 for error in process)
    lines.append(
        f"process memory: {len(process)} runs, {under} under, lowest "
        f"{process[0]:+.1%}, median {median(process):+.1%}"
    )
    for text, chosen in SPEEDS.items():
        speed = speed_factors(runs, chosen)
        lines.append(
            f"tokens/s, {text}: {speed.count} runs, median miss × {speed.median:.2f}, "
            f"worst × {speed.worst:.2f}"
        )
    wrong = wrong_counts(catalog, evidence.counts)
    known = sum(model.slug in evidence.counts for model in catalog.models)
    q4 = q4_errors(evidence.files)
    return [
        *lines,
        f"parameter counts: {known - len(wrong)} of {known} exact",
        f"Q4_K_M sizes: {q4.count} files, median error {q4.median:.1%}, worst "
        f"{q4.worst:+.1%}",
    ]


SPEEDS: dict[str, Callable[[TrainingRun], bool]] = {
    "4-bit, 1B and more": lambda run: run.in_4bit and is_large(run),
    "16-bit, 1B and more": lambda run: not run.in_4bit and is_large(run),
    "below 1B": lambda run: not is_large(run),
}


def _order(evidence: Evidence) -> list[str]:
    placed = evidence.placed
    tried = {
        "parameter count": parameter_scores(placed),
        "expected by the other models": expected_scores(placed, left_out=itself),
        "expected by other makers' models": expected_scores(placed, left_out=its_maker),
    }
    lines = []
    for text, scores in tried.items():
        found = agreement(placed, scores)
        lines.append(
            f"distil labs order, {text}: {found.pairs} pairs, gamma {found.gamma:.2f}"
        )
    own = own_task_weight()
    for weight in (0.0, own, 0.5, 1.0):
        lost = regret(evidence.tuned, task_weight=weight)
        ours = " (ours)" if weight == own else ""
        lines.append(
            f"LoRA Land regret, task weight {weight:.2f}{ours}: best of one "
            f"{lost.one:.3f}, best of three {lost.three:.3f}"
        )
    lines.append(f"LoRA Land regret, random pick: {random_regret(evidence.tuned):.3f}")
    return lines
