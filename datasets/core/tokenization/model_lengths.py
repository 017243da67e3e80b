"""Exact counts by the tokenizers of models, where a wheel carries their vocabulary.

A template puts marks around each message, one token each, and words, which are counted
together with the content that they touch. Tool calls and definitions are not counted:
templates write them in too many ways. Nor is reasoning inside an answer taken apart.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from itertools import accumulate
from typing import Any

import toktok

from datasets.core.conversation import ROLES, SYSTEM_ROLES, Transcript
from datasets.core.percentiles import percentile
from datasets.core.tokenization.counter import CountAll
from datasets.core.tokenization.vocabularies import count_by_qwen

COUNTS_VERSION = 2  # insights of an earlier one were counted otherwise
CONTEXTS = (2_048, 4_096, 8_192, 16_384, 32_768, 65_536, 131_072, 262_144)


@dataclass(frozen=True)
class Tokenizer:
    """A vocabulary with one way to write a conversation in it."""

    vocabulary: str  # as toktok names it, or "qwen"
    models: str
    model_ids: tuple[str, ...]  # of the catalog
    template: str
    per_message: int  # tokens that the template adds outside of the text
    names_role: bool = False  # the role and a line feed stand before the content
    strips: bool = False  # white space around the content
    system: str = ""  # what the template says where there is no system message
    per_final: int = 0  # for each answer to the last question: an empty thought
    is_exact: bool = True  # shown equal to the model's own, template included


CHATML = 3  # <|im_start|> role, line feed, content <|im_end|> line feed
THOUGHT = 4  # <think>, two line feeds, </think>, two line feeds
QWEN = "You are Qwen, created by Alibaba Cloud. You are a helpful assistant."
GRANITE = (
    "You are a helpful assistant. Please ensure responses are professional, accurate, "
    "and safe."
)

TOKENIZERS = {
    # <|role|> content <|end|>; no copy of the template was there to compare with
    "o200k": Tokenizer(
        "o200k_base", "Phi-4-mini", ("phi-4-mini", "phi-4-mini-reasoning"), "Phi-4", 2,
        is_exact=False,
    ),
    # <|start_of_role|> role <|end_of_role|> content <|end_of_text|> line feed; its
    # vocabulary is like cl100k, equal to it was not shown
    "cl100k": Tokenizer(
        "cl100k_base", "Granite 4.0", ("granite-4.0-350m", "granite-4.0-1b"), "Granite",
        5, system=GRANITE, is_exact=False,
    ),
    # its vocabulary is toktok's, which was not compared with the model's
    "qwen3.5": Tokenizer(
        "qwen3.5", "Qwen3.5",
        ("qwen3.5-0.8b", "qwen3.5-2b", "qwen3.5-4b", "qwen3.5-9b"),
        "ChatML, an empty thought before the last answer", CHATML, names_role=True,
        strips=True, per_final=THOUGHT, is_exact=False,
    ),
    "qwen3": Tokenizer(
        "qwen", "Qwen3", ("qwen3-0.6b", "qwen3-1.7b", "qwen3-8b"),
        "ChatML, an empty thought before the last answer", CHATML, names_role=True,
        per_final=THOUGHT,
    ),
    "qwen3-2507": Tokenizer(
        "qwen", "Qwen3 2507", ("qwen3-4b-instruct-2507",), "ChatML", CHATML,
        names_role=True,
    ),
    "qwen2.5": Tokenizer(
        "qwen", "Qwen2.5",
        ("qwen2.5-0.5b", "qwen2.5-1.5b", "qwen2.5-3b", "qwen2.5-coder-1.5b"),
        "ChatML with a system message of its own", CHATML, names_role=True, system=QWEN,
    ),
}  # fmt: skip


@cache
def tokenizer_of(model_id: str) -> str | None:
    """The name of the tokenizer that a model of the catalog has, where we have it."""
    return next(
        (name for name, kind in TOKENIZERS.items() if model_id in kind.model_ids), None
    )


@dataclass
class ModelLengths:
    """Examples by their tokens, without and with the template."""

    bare: Counter[int] = field(default_factory=Counter)
    templated: Counter[int] = field(default_factory=Counter)

    def merge(self, other: "ModelLengths") -> None:
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


def reported(found: Mapping[str, ModelLengths]) -> dict[str, Any]:
    """What the insights say about each tokenizer."""
    return {
        name: {
            "models": TOKENIZERS[name].models,
            "model_ids": list(TOKENIZERS[name].model_ids),
            "template": TOKENIZERS[name].template,
            "is_exact": TOKENIZERS[name].is_exact,
            **lengths.summary(),
        }
        for name, lengths in found.items()
    }


def lengths_of(found: list[Transcript]) -> dict[str, ModelLengths]:
    texts = [turn.text for each in found for turn in each.messages]
    bare: dict[str, list[int]] = {}
    lengths = {}
    for name, kind in TOKENIZERS.items():
        if kind.vocabulary not in bare:
            bare[kind.vocabulary] = _counter(kind.vocabulary)(texts)
        lengths[name] = _lengths(kind, found, texts, bare[kind.vocabulary])
    return lengths


def _lengths(
    kind: Tokenizer, found: list[Transcript], texts: list[str], bare: list[int]
) -> ModelLengths:
    written = _written(kind, found, texts, bare)
    system = kind.per_message + _system(kind) if kind.system else 0
    lengths, place = ModelLengths(), 0
    for each in found:
        end = place + len(each.messages)
        marks = kind.per_message * len(each.messages)
        if system and each.messages[0].role not in SYSTEM_ROLES:
            marks += system
        if kind.per_final:
            marks += kind.per_final * (each.messages[-1].role == "assistant")
        lengths.bare[sum(bare[place:end])] += 1
        lengths.templated[sum(written[place:end]) + marks] += 1
        place = end
    return lengths


def _written(
    kind: Tokenizer, found: list[Transcript], texts: list[str], bare: list[int]
) -> list[int]:
    """Tokens of each message as the template writes it, its marks left out."""
    if not kind.names_role:
        return bare
    roles = [turn.role for each in found for turn in each.messages]
    heads = _heads(kind.vocabulary)
    written = [count + heads[role] for count, role in zip(bare, roles, strict=True)]
    final = _finals(found) if kind.per_final else frozenset()
    # White space at the start joins the line feed before it.
    unusual = [
        place
        for place, text in enumerate(texts)
        if text[:1].isspace() or (kind.strips and text[-1:].isspace())
    ]
    again = []
    for place in unusual:
        text = texts[place].strip() if kind.strips else texts[place]
        if place in final:  # it follows the thought's two line feeds
            again.append("\n\n" + text.lstrip("\n"))
        else:
            again.append(f"{roles[place]}\n{text}")
    for place, count in zip(unusual, _counter(kind.vocabulary)(again), strict=True):
        is_final = place in final
        written[place] = count + (heads["assistant"] - 1 if is_final else 0)
    return written


def _finals(found: list[Transcript]) -> frozenset[int]:
    """Places of the answers that examples end with."""
    ends = accumulate(len(each.messages) for each in found)
    return frozenset(
        end - 1
        for end, each in zip(ends, found, strict=True)
        if each.messages[-1].role == "assistant"
    )


@cache
def _heads(vocabulary: str) -> dict[str, int]:
    counts = _counter(vocabulary)([f"{role}\n" for role in ROLES])
    return dict(zip(ROLES, counts, strict=True))


@cache
def _system(kind: Tokenizer) -> int:
    head = "system\n" if kind.names_role else ""
    return _counter(kind.vocabulary)([head + kind.system])[0]


def _counter(vocabulary: str) -> CountAll:
    if vocabulary == "qwen":
        return count_by_qwen
    return partial(_count, vocabulary)


def _count(vocabulary: str, texts: list[str]) -> list[int]:
    counts: list[int] = toktok.batch_count(texts, vocabulary, threads=1)
    return counts
