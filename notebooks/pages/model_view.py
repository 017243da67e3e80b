"""A row as a chosen model reads it, for the row's page."""

import json
import unicodedata
from functools import cache
from types import CodeType
from typing import Any

from datasets.core.tokenization.model_lengths import NormalForm
from datasets.core.tokenization.vocabularies import encoder_of
from notebooks.core.preview.chat_templates import StandIn
from notebooks.core.preview.model_view import (
    ModelView,
    mask_code,
    model_view_of,
    notes_on,
)
from notebooks.generation import cells
from recommender.core.catalog.catalog import ModelSpec


@cache
def _code() -> CodeType:
    return mask_code(cells())


def view_by(row: dict[str, Any], model: ModelSpec) -> ModelView:
    template, vocabulary = model.template, model.vocabulary
    encode = encoder_of(vocabulary.encoding) if vocabulary.encoding else None
    if vocabulary.normal_form:
        row = _normal(row, vocabulary.normal_form)
    notes = notes_on(row, template, encode is not None)
    return model_view_of(row, _code(), StandIn(template, encode), notes)


def _normal(row: dict[str, Any], form: NormalForm) -> dict[str, Any]:
    """As the model's tokenizer reads it."""
    text = json.dumps(row, ensure_ascii=False)
    normal: dict[str, Any] = json.loads(unicodedata.normalize(form, text))
    return normal
