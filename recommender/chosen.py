"""The model that the pages of a dataset have in mind, and what its context cuts."""

from dataclasses import dataclass

from django.contrib.sessions.backends.base import SessionBase

from datasets.models import Dataset
from recommender import services
from recommender.core.catalog import ModelSpec
from recommender.core.contexts import RowsOver
from recommender.core.lengths import TEMPLATE_TOKENS

KEY = "model"


def chosen_model(session: SessionBase, dataset: Dataset, name: str) -> ModelSpec:
    """The one that is named, else the last one that this browser chose, else the best
    for the data. Raises InvalidInput for a name that is no model's."""
    if name:
        model = services.catalog().get(name)
        remember_model(session, model)
        return model
    known = {model.slug: model for model in services.catalog().models}
    return known.get(session.get(KEY, "")) or services.quick_model(dataset)


def remember_model(session: SessionBase, model: ModelSpec) -> None:
    if session.get(KEY) != model.slug:
        session[KEY] = model.slug


@dataclass(frozen=True)
class Limit:
    """The longest row that a model reads, in the tokens that the pages count in."""

    model: ModelSpec
    tokens: int
    basis: str
    over: RowsOver


def limit_of(dataset: Dataset, model: ModelSpec) -> Limit:
    ratio = services.ratio_for(dataset, model)
    tokens = int((model.context_length - TEMPLATE_TOKENS) / ratio.value)
    return Limit(model, tokens, ratio.basis, services.rows_over_context(dataset, model))
