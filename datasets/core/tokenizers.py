"""Exact counts by the tokenizers of models, where a wheel carries their vocabulary.

A template puts marks around each message, one token each, and words, which are counted
together with the content that they touch. Tool calls and definitions are not counted:
templates write them in too many ways.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import toktok

from datasets.core.conversations import Transcript
from datasets.core.tally import percentile

CONTEXTS = (2_048, 4_096, 8_192, 32_768, 131_072)


@dataclass(frozen=True)
class Tokenizer:
    vocabulary: str  # as toktok names it
    models: str
    template: str
    per_message: int  # tokens that the template adds outside of the text
    names_role: bool = False  # the role and a line feed stand before the content


TOKENIZERS = {
    # <|role|> content <|end|>
    "o200k": Tokenizer("o200k_base", "Phi-4-mini", "Phi-4", 2),
    # <|start_of_role|> role <|end_of_role|> content <|end_of_text|> line feed
    "cl100k": Tokenizer("cl100k_base", "Granite 4", "Granite", 5),
    # <|im_start|> role, line feed, content <|im_end|> line feed
    "qwen3.5": Tokenizer("qwen3.5", "Qwen3.5", "ChatML", 3, names_role=True),
}


@dataclass
class Lengths:
    """Examples by their tokens, without and with the template."""

    bare: Counter[int] = field(default_factory=Counter)
    templated: Counter[int] = field(default_factory=Counter)

    def merge(self, other: "Lengths") -> None:
        self.bare.update(other.bare)
        self.templated.update(other.templated)

    def summary(self) -> dict[str, Any]:
        return {
            "tokens": sum(length * n for length, n in self.bare.items()),
            "with_template": sum(length * n for length, n in self.templated.items()),
            "percentiles": {
                f"p{percent}": percentile(self.templated, percent)
                for percent in (50, 95, 99, 100)
            },
            "over_context": {
                str(limit): sum(
                    n for length, n in self.templated.items() if length > limit
                )
                for limit in CONTEXTS
            },
        }


def lengths_of(found: list[Transcript]) -> dict[str, Lengths]:
    return {name: _lengths(kind, found) for name, kind in TOKENIZERS.items()}


def _lengths(kind: Tokenizer, found: list[Transcript]) -> Lengths:
    turns = [turn for each in found for turn in each.messages]
    bare = _counts(kind, [turn.text for turn in turns])
    touched = bare
    if kind.names_role:
        touched = _counts(kind, [f"{turn.role}\n{turn.text}" for turn in turns])
    lengths, place = Lengths(), 0
    for each in found:
        end = place + len(each.messages)
        marks = kind.per_message * len(each.messages)
        lengths.bare[sum(bare[place:end])] += 1
        lengths.templated[sum(touched[place:end]) + marks] += 1
        place = end
    return lengths


def _counts(kind: Tokenizer, texts: list[str]) -> list[int]:
    counts: list[int] = toktok.batch_count(texts, kind.vocabulary, threads=1)
    return counts
