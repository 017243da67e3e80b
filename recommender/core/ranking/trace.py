"""A ranking with all its inputs as plain values, and the need recovered from them."""

from collections import Counter
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import asdict
from typing import Any

from datasets.core.analysis.profile import Profile
from datasets.core.stored_values import loaded
from recommender.core.catalog.catalog import Catalog, Target, Task
from recommender.core.catalog.gpus import Gpu
from recommender.core.estimates.lengths import ratio_of
from recommender.core.estimates.training import TrainingEstimate
from recommender.core.needs.known_data import KnownInsights
from recommender.core.needs.needs import Need, Wishes
from recommender.core.ranking.constraints import RULES
from recommender.core.ranking.ranking import Ranking, Recommended
from recommender.core.ranking.scoring import WEIGHTS
from slmgen.errors import Conflict

# Raise it when the same facts and catalog would get another ranking.
RULES_VERSION = 2


def trace(catalog: Catalog, need: Need, found: Ranking) -> dict[str, Any]:
    candidates = [_candidate(entry, need) for entry in found.candidates]
    return {
        "rules_version": RULES_VERSION,
        "catalog": {"version": catalog.version, "sha256": catalog.sha256},
        "need": {
            "task_type": need.task.value,
            "deployment_target": need.target.value,
            **asdict(need.wishes),
        },
        "facts": asdict(need.profile),
        "closer_look": asdict(need.insights),
        "constraints": _constraints(found),
        "weights": dict(WEIGHTS),
        "candidates": candidates,
        "runner_up": candidates[1] if len(candidates) > 1 else None,
        "too_close_to_call": [entry.model.slug for entry in found.close],
        "would_change_if": list(found.would_change_if),
        "excluded": [
            {
                "model_id": entry.model.slug,
                "violations": [asdict(violation) for violation in entry.violations],
            }
            for entry in found.excluded
        ],
    }


def _constraints(found: Ranking) -> list[dict[str, Any]]:
    counts = Counter(
        violation.rule for entry in found.excluded for violation in entry.violations
    )
    checked = len(found.candidates) + len(found.excluded)
    return [
        {"constraint": name, "checked": checked, "excluded": counts[name]}
        for name in RULES
    ]


def _candidate(entry: Recommended, need: Need) -> dict[str, Any]:
    training, ratio = entry.training, ratio_of(entry.model, need.data)
    setup = training.setup
    return {
        "model_id": entry.model.slug,
        "score": entry.detail.value,
        "half_width": round(entry.detail.half_width, 4),
        "parts": [
            {**asdict(part), "weight": WEIGHTS[part.name]}
            for part in entry.detail.parts
        ],
        "training": {
            "quantization": setup.quantization,
            "batch_size": setup.batch,
            "max_seq_length": setup.length,
            "lora_rank": setup.lora_rank,
            "train_examples": training.train_examples,
            "tokens_per_second": _rounded(training.tokens_per_second),
            **_figures(training),
        },
        "tokens": asdict(ratio),
        "reasons": list(entry.all_reasons),
    }


def _figures(training: TrainingEstimate) -> dict[str, Any]:
    """Without the figures of the GPU, which the need has; lists, as JSON has them."""
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in asdict(training.figures).items()
        if not name.startswith("gpu")
    }


def _rounded(span: tuple[float, float]) -> list[float]:
    return [round(value, 2) for value in span]


def _profile(facts: object) -> Profile:
    """Accepts profiles of older rules, so that an old need is ranked as it was."""
    profile = loaded(Profile, facts)
    if profile is None:
        raise Conflict(
            "This ranking was stored by a release that is too old to repeat."
        )
    return profile


def need_of(traced: Mapping[str, Any]) -> Need:
    """The need, so that it can be ranked again."""
    asked = deepcopy(traced["need"])
    task, target = asked.pop("task_type"), asked.pop("deployment_target")
    gpu = asked.pop("gpu")
    price = gpu.pop("dollars_per_hour")
    card = Gpu(
        **{**gpu, "speed": tuple(gpu["speed"])},
        dollars_per_hour=None if price is None else (price[0], price[1]),
    )
    languages = tuple(asked.pop("languages"))
    assumptions = tuple(asked.pop("assumptions", ()))
    wishes = Wishes(gpu=card, languages=languages, assumptions=assumptions, **asked)
    return Need(
        _profile(traced["facts"]),
        Task(task),
        Target(target),
        wishes,
        KnownInsights(**traced["closer_look"]),
    )
