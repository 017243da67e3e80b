"""A piece of the examples file → what a closer look sees in it."""

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

SHOWN = 20
MAX_LABEL_CHARACTERS = 60
MAX_LABELS = 1_000  # more different short answers than these are no labels

_encoder = msgspec.json.Encoder(order="deterministic")


@dataclass
class ChunkInsights:
    """What the examples added so far have shown."""

    languages: Counter[str] = field(default_factory=Counter)
    confidence: float = 0.0
    spoken: int = 0  # examples with a language
    first_of_language: dict[str, list[tuple[int, float]]] = field(default_factory=dict)
    private: Counter[str] = field(default_factory=Counter)
    private_examples: int = 0
    first_private: list[dict[str, Any]] = field(default_factory=list)
    answers: Counter[str] | None = field(default_factory=Counter)  # None: no labels
    prompts: "array[int]" = field(default_factory=lambda: array("Q"))
    replies: "array[int]" = field(default_factory=lambda: array("Q"))
    tokenizers: dict[str, ModelLengths] = field(default_factory=dict)

    def merge(self, other: "ChunkInsights") -> None:
        self.languages.update(other.languages)
        self.confidence += other.confidence
        self.spoken += other.spoken
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
    seen: ChunkInsights
    sketches: NDArray[np.void]  # `near.SKETCH` of each example
    size: int


def insights_of_chunk(
    piece: LineBlock, tokenizers: tuple[Tokenizer, ...]
) -> ChunkResult:
    found = [transcript(line) for line in piece.examples]
    texts = [whole_text(each) for each in found]
    seen, first = ChunkInsights(), piece.line - 1
    _languages(seen, texts, first)
    _private(seen, found, first)
    _answers(seen, found)
    seen.tokenizers = lengths_of(found, tokenizers)
    return ChunkResult(seen, _sketched(texts), len(piece.text))


def sketches_of(piece: LineBlock) -> NDArray[np.void]:
    """Of a look at a piece only what finds near duplicates."""
    return _sketched([whole_text(transcript(line)) for line in piece.examples])


def _sketched(texts: list[str]) -> NDArray[np.void]:
    return near_duplicates.sketches_of([near_duplicates.normal(text) for text in texts])


def _languages(seen: ChunkInsights, texts: list[str], first: int) -> None:
    for place, found in enumerate(language.guesses(texts), first):
        seen.languages[found.language] += 1
        if found.language != language.UNKNOWN:
            seen.spoken += 1
            seen.confidence += found.confidence
            kept = seen.first_of_language.setdefault(found.language, [])
            if len(kept) < SHOWN:
                kept.append((place, round(found.confidence, 3)))


def _private(seen: ChunkInsights, found: list[Transcript], first: int) -> None:
    for place, example in enumerate(found, first):
        hits = [
            (number, finding)
            for number, turn in enumerate(example.messages)
            for finding in detection.findings(turn.text)
        ]
        seen.private_examples += bool(hits)
        seen.private.update(finding.kind for _, finding in hits)
        for number, finding in hits[: SHOWN - len(seen.first_private)]:
            seen.first_private.append(
                {
                    "example": place,
                    "message": number,
                    "kind": finding.kind,
                    "masked": finding.masked,
                }
            )


def _answers(seen: ChunkInsights, found: list[Transcript]) -> None:
    """The last answer and, by hash, all that comes before it."""
    for example in found:
        *before, last = example.messages
        seen.prompts.append(xxhash.xxh3_64_intdigest(_encoder.encode(before)))
        seen.replies.append(xxhash.xxh3_64_intdigest(_encoder.encode(last)))
        if seen.answers is None:
            continue
        if len(last.text) > MAX_LABEL_CHARACTERS or last.role != "assistant":
            seen.answers = None
        else:
            seen.answers[last.text] += 1
