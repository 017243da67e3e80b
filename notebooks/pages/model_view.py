"""A row as a chosen model reads it, for the row's page."""

import json
import unicodedata
from functools import cache
from types import CodeType
from typing import Any

from datasets.core.tokenization.vocabularies import encoder_for
from notebooks.core.preview import chat_templates
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
    template, encode = (
        chat_templates.templates()[model.slug],
        encoder_for(model.tokenizer),
    )
    if model.tokenizer.lower().startswith("qwen"):
        row = _normal(row)
    notes = notes_on(row, template, encode is not None)
    return model_view_of(row, _code(), chat_templates.StandIn(template, encode), notes)


def _normal(row: dict[str, Any]) -> dict[str, Any]:
    """As Qwen's tokenizers normalize text: composed characters (NFC)."""
    text = json.dumps(row, ensure_ascii=False)
    normal: dict[str, Any] = json.loads(unicodedata.normalize("NFC", text))
    return normal
