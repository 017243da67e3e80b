"""Parses requests for a plan or a notebook."""

from dataclasses import dataclass

from rest_framework.request import Request

from datasets.models import Dataset
from datasets.services import find_dataset, parse_id
from notebooks import serializers, services
from recommender.core.catalog.catalog import ModelSpec
from recommender.core.catalog.gpus import DEFAULT_GPU, Gpu, parse_gpu
from recommender.services import best_model, catalog
from slmgen.error_text import shown
from slmgen.errors import InvalidInput


@dataclass(frozen=True)
class WantedNotebook:
    dataset: Dataset
    models: list[ModelSpec]
    config: dict[str, object]
    gpu: Gpu


def wanted_notebook(request: Request) -> WantedNotebook:
    """Dataset, models, settings and GPU of a request. Raises InvalidInput."""
    sent = serializers.GenerateSerializer(data=request.data)
    sent.is_valid(raise_exception=True)
    values = sent.validated_data
    config = _checked_config(values.get("training_config"))
    gpu = parse_gpu(values.get("gpu") or DEFAULT_GPU.name)
    one, several = values.get("model_id"), values.get("model_ids")
    if one is not None and several is not None:
        raise InvalidInput("Send model_id or model_ids, not both.")
    models = [catalog().get(name) for name in several or [one] if name is not None]
    dataset = find_dataset(parse_id(values["session_id"]), user=request.user)
    return WantedNotebook(dataset, models or [best_model(dataset, gpu)], config, gpu)


def _checked_config(value: object) -> dict[str, object]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise InvalidInput(
            f"training_config is {shown(value)}; expected an object such as "
            '{"lora_rank": 16, "num_epochs": 3}.'
        )
    services.check_training_config(value)
    return value
