"""Quality of a model after fine-tuning: measured where possible, else expected.

Measured: the distil labs round of December 2025, average rank of 12 models on 8 tasks.
Expected: a line over the logarithm of the parameters outside the embedding, plus the
maker's mean distance from it, shrunk as if the maker had one more model on the line.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean

from recommender.core.catalog.catalog import Catalog, ModelEvidence, ModelSpec

ROUND_MODELS = 12
SHRINKING_MODELS = 1.0
LEAST, MOST = 0.05, 0.95
Z95 = 1.96
# For ranks without a printed interval: the widest printed one.
PLACE_ERROR = 1.86 / Z95 / (ROUND_MODELS - 1)


@dataclass(frozen=True)
class QualityPoint:
    """A model of the round: 1 for the first rank, 0 for the last."""

    name: str
    maker: str
    parameters: float  # outside the embedding
    value: float


@dataclass(frozen=True)
class QualityFit:
    slope: float  # per factor of ten in parameters
    intercept: float
    advantages: dict[str, float]
    error: float  # standard error of an expectation, by leaving one point out at a time

    def predict(self, parameters: float, maker: str) -> float:
        on_line = self.intercept + self.slope * math.log10(parameters)
        advantage = self.advantages.get(maker, self.unknown_maker)
        return min(max(on_line + advantage, LEAST), MOST)

    @property
    def unknown_maker(self) -> float:
        """The mean over makers, not over models: two strong makers have most of the
        models."""
        return fmean(self.advantages.values())


@dataclass(frozen=True)
class Quality:
    value: float
    half_width: float  # of the 95 % interval
    is_measured: bool


def fit_line(points: Sequence[QualityPoint]) -> QualityFit:
    """Least squares; the error comes from predicting each point from the others."""
    errors = []
    for point in points:
        line = _line([other for other in points if other is not point], 0.0)
        errors.append(line.predict(point.parameters, point.maker) - point.value)
    return _line(points, math.sqrt(fmean(error**2 for error in errors)))


def _line(points: Iterable[QualityPoint], error: float) -> QualityFit:
    sizes = [(math.log10(point.parameters), point) for point in points]
    mean_x = fmean(x for x, _ in sizes)
    mean_y = fmean(point.value for _, point in sizes)
    slope = sum((x - mean_x) * (point.value - mean_y) for x, point in sizes) / sum(
        (x - mean_x) ** 2 for x, _ in sizes
    )
    intercept = mean_y - slope * mean_x
    distances: dict[str, list[float]] = {}
    for x, point in sizes:
        distance = point.value - intercept - slope * x
        distances.setdefault(point.maker, []).append(distance)
    advantages = {
        maker: sum(values) / (len(values) + SHRINKING_MODELS)
        for maker, values in sorted(distances.items())
    }
    return QualityFit(slope, intercept, advantages, error)


def catalog_line(catalog: Catalog) -> QualityFit:
    models = sorted(catalog.models, key=lambda model: model.slug)
    return fit_line(
        [
            QualityPoint(model.slug, model.maker, model.parameters.non_embedding, value)
            for model in models
            if (value := measured(model.evidence)) is not None
        ]
    )


def measured(evidence: ModelEvidence) -> float | None:
    rank = evidence.tuned_average_rank or evidence.tuned_place
    if rank is None and evidence.tuned_place_from is not None:
        rank = (evidence.tuned_place_from + ROUND_MODELS) / 2
    return None if rank is None else value_of_rank(rank)


def value_of_rank(rank: float) -> float:
    return 1 - (rank - 1) / (ROUND_MODELS - 1)


def _measurement_error(evidence: ModelEvidence) -> float:
    if evidence.tuned_rank_interval is not None:
        return evidence.tuned_rank_interval / Z95 / (ROUND_MODELS - 1)
    if evidence.tuned_place is not None:
        return PLACE_ERROR
    # Between two ranks: the standard deviation of a uniform distribution.
    places = ROUND_MODELS - (evidence.tuned_place_from or 1)
    return math.hypot(places / math.sqrt(12) / (ROUND_MODELS - 1), PLACE_ERROR)


def quality(model: ModelSpec, line: QualityFit) -> Quality:
    """The measurement and the expectation, weighted by their certainty."""
    expected = line.predict(model.parameters.non_embedding, model.maker)
    value = measured(model.evidence)
    if value is None:
        return Quality(expected, Z95 * line.error, False)
    error = _measurement_error(model.evidence)
    trust = line.error**2 / (line.error**2 + error**2)
    mixed = trust * value + (1 - trust) * expected
    return Quality(mixed, Z95 * math.sqrt(trust) * error, True)
