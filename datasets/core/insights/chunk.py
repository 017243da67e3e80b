"""A block of the examples file → its insights: the unit of parallel work."""

from array import array
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np
import xxhash
from numpy.typing import NDArray

from datasets.core.analysis import language
from datasets.core.canonical import transcript
from datasets.core.conversation import Transcript, whole_text
from datasets.core.insights import near_duplicates
from datasets.core.privacy import detection
from datasets.core.readers.rows import LineBlock
from datasets.core.tokenization.model_lengths import (
    ModelLengths,
    Tokenizer,
    lengths_of,
)

SHOWN = 20  # first entries of each long list in the report
MAX_LABEL_CHARACTERS = 60
MAX_LABELS = 1_000  # more distinct short answers than this are no labels

_encoder = msgspec.json.Encoder(order="deterministic")


@dataclass
class ChunkInsights:
    """Insights of the examples so far."""

    languages: Counter[str] = field(default_factory=Counter)
    confidence: float = 0.0
    detected: int = 0  # examples with a known language
    first_of_language: dict[str, list[tuple[int, float]]] = field(default_factory=dict)
    private: Counter[str] = field(default_factory=Counter)
    private_examples: int = 0
    first_private: list[dict[str, Any]] = field(default_factory=list)
    # None: answers are no labels
    answers: Counter[str] | None = field(default_factory=Counter)
    prompts: "array[int]" = field(default_factory=lambda: array("Q"))
    replies: "array[int]" = field(default_factory=lambda: array("Q"))
    tokenizers: dict[str, ModelLengths] = field(default_factory=dict)

    def merge(self, other: "ChunkInsights") -> None:
        self.languages.update(other.languages)
        self.confidence += other.confidence
        self.detected += other.detected
        for name, found in other.first_of_language.items():
            kept = self.first_of_language.setdefault(name, [])
            kept += found[: SHOWN - len(kept)]
        self.private.update(other.private)
        self.private_examples += other.private_examples
        self.first_private += other.first_private[: SHOWN - len(self.first_private)]
        self._merge_answers(other.answers)
        self.prompts.extend(other.prompts)
        self.replies.extend(other.replies)
        for name, lengths in other.tokenizers.items():
            self.tokenizers.setdefault(name, ModelLengths()).merge(lengths)

    def _merge_answers(self, answers: Counter[str] | None) -> None:
        if self.answers is None or answers is None:
            self.answers = None
            return
        self.answers.update(answers)
        if len(self.answers) > MAX_LABELS:
            self.answers = None


@dataclass(frozen=True)
class ChunkResult:
    insights: ChunkInsights
    sketches: NDArray[np.void]  # `near_duplicates.SKETCH` of each example
    size: int


def insights_of_chunk(
    piece: LineBlock, tokenizers: tuple[Tokenizer, ...]
) -> ChunkResult:
    found = [transcript(line) for line in piece.examples]
    texts = [whole_text(each) for each in found]
    insights, first = ChunkInsights(), piece.line - 1
    _languages(insights, texts, first)
    _private(insights, found, first)
    _answers(insights, found)
    insights.tokenizers = lengths_of(found, tokenizers)
    return ChunkResult(insights, _sketched(texts), len(piece.text))


def sketches_of(piece: LineBlock) -> NDArray[np.void]:
    """Only the part of a chunk's insights that finds near-duplicates."""
    return _sketched([whole_text(transcript(line)) for line in piece.examples])


def _sketched(texts: list[str]) -> NDArray[np.void]:
    return near_duplicates.sketches_of(
        [near_duplicates.normalized(text) for text in texts]
    )


def _languages(insights: ChunkInsights, texts: list[str], first: int) -> None:
    for place, found in enumerate(language.guesses(texts), first):
        insights.languages[found.language] += 1
        if found.language != language.UNKNOWN:
            insights.detected += 1
            insights.confidence += found.confidence
            kept = insights.first_of_language.setdefault(found.language, [])
            if len(kept) < SHOWN:
                kept.append((place, round(found.confidence, 3)))


def _private(insights: ChunkInsights, found: list[Transcript], first: int) -> None:
    for place, example in enumerate(found, first):
        hits = [
            (number, finding)
            for number, turn in enumerate(example.messages)
            for finding in detection.findings(turn.text)
        ]
        insights.private_examples += bool(hits)
        insights.private.update(finding.kind for _, finding in hits)
        for number, finding in hits[: SHOWN - len(insights.first_private)]:
            insights.first_private.append(
                {
                    "example": place,
                    "message": number,
                    "kind": finding.kind,
                    "masked": finding.masked,
                }
            )


def _answers(insights: ChunkInsights, found: list[Transcript]) -> None:
    """Collects the last answer, and hashes of it and of all messages before it."""
    for example in found:
        *before, last = example.messages
        insights.prompts.append(xxhash.xxh3_64_intdigest(_encoder.encode(before)))
        insights.replies.append(xxhash.xxh3_64_intdigest(_encoder.encode(last)))
        if insights.answers is None:
            continue
        if len(last.text) > MAX_LABEL_CHARACTERS or last.role != "assistant":
            insights.answers = None
        else:
            insights.answers[last.text] += 1
