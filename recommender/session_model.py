"""The model and GPU that a browser has chosen for a dataset."""

from dataclasses import dataclass

from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest, QueryDict

from datasets.models import Dataset
from recommender import services
from recommender.core.catalog.catalog import ModelSpec
from recommender.core.catalog.gpus import DEFAULT_GPU, Gpu
from recommender.core.estimates.context_overflow import RowsOver
from recommender.core.estimates.lengths import TEMPLATE_TOKENS, ratio_of

KEY, GPU_KEY = "model", "gpu"


def chosen_model(session: SessionBase, dataset: Dataset, name: str) -> ModelSpec:
    """The model named in the query, else the last one this browser chose, else the best
    for the data. Raises InvalidInput for an unknown name."""
    if name:
        model = services.catalog().get(name)
        remember_model(session, model)
        return model
    known = {model.slug: model for model in services.catalog().models}
    return known.get(session.get(KEY, "")) or services.best_model(dataset, wait=False)


def remember_model(session: SessionBase, model: ModelSpec) -> None:
    if session.get(KEY) != model.slug:
        session[KEY] = model.slug


def query_with_gpu(request: HttpRequest) -> QueryDict:
    """The query with a GPU: the one it names, else the last one this browser chose."""
    query = request.GET.copy()
    if not query.get("gpu"):
        query["gpu"] = request.session.get(GPU_KEY, DEFAULT_GPU.name)
    return query


def remember_gpu(session: SessionBase, gpu: Gpu) -> None:
    if session.get(GPU_KEY, DEFAULT_GPU.name) != gpu.name:
        session[GPU_KEY] = gpu.name


@dataclass(frozen=True)
class Limit:
    """The longest row that a model can read, in the tokens of the pages."""

    model: ModelSpec
    tokens: int
    basis: str
    over: RowsOver


def limit_of(dataset: Dataset, model: ModelSpec) -> Limit:
    ratio = ratio_of(model, services.data_of(dataset, wait=False))
    tokens = int((model.context_length - TEMPLATE_TOKENS) / ratio.value)
    (over,) = services.rows_over_contexts(dataset, [model], wait=False)
    return Limit(model, tokens, ratio.basis, over)
