"""Exact counts by the tokenizers of models, where a wheel carries their vocabulary.

A template puts marks around each message, one token each, and words, which are counted
together with the content that they touch. Tool calls and definitions are not counted:
templates write them in too many ways. Nor is reasoning inside an answer taken apart.
"""

import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from itertools import accumulate
from typing import Any, Literal

from datasets.core.conversation import ROLES, SYSTEM_ROLES, Transcript
from datasets.core.percentiles import percentile
from datasets.core.tokenization.vocabularies import counter_of, split_special

COUNTS_VERSION = 2  # insights of an earlier one were counted otherwise
CONTEXTS = (2_048, 4_096, 8_192, 16_384, 32_768, 65_536, 131_072, 262_144)

NormalForm = Literal["NFC", "NFD", "NFKC", "NFKD"]


@dataclass(frozen=True)
class Tokenizer:
    """A vocabulary with one way to write a conversation in it."""

    name: str
    models: str
    model_ids: tuple[str, ...]
    encoding: str  # one of vocabularies.ENCODINGS
    normal_form: NormalForm | None  # that the tokenizer brings a text to
    template: str  # in words
    user: tuple[str, str]  # what stands around a user's message; others have the like
    special: tuple[str, ...]  # texts that are one token each
    default_system: str  # what the template says where there is no system message
    thought: str  # before the answer to the last question
    strips: bool  # white space around the content
    is_exact: bool  # shown equal to the model's own, template included

    @cached_property
    def head(self) -> str:
        """Text that touches the content and is counted with it: the role, a line feed."""
        *_, last = ["", *_pieces(self.user[0], self.special)]
        return "" if last in self.special else last


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


def reported(
    found: Mapping[str, ModelLengths], tokenizers: Iterable[Tokenizer]
) -> dict[str, Any]:
    """What the insights say about each tokenizer."""
    return {
        each.name: {
            "models": each.models,
            "model_ids": list(each.model_ids),
            "template": each.template,
            "is_exact": each.is_exact,
            **found[each.name].summary(),
        }
        for each in tokenizers
        if each.name in found
    }


def lengths_of(
    found: list[Transcript], tokenizers: Iterable[Tokenizer]
) -> dict[str, ModelLengths]:
    texts: dict[NormalForm | None, list[str]] = {
        None: [turn.text for each in found for turn in each.messages]
    }
    bare: dict[tuple[str, NormalForm | None], list[int]] = {}
    lengths = {}
    for kind in tokenizers:
        encoding, form = key = kind.encoding, kind.normal_form
        if form is not None and form not in texts:
            texts[form] = [unicodedata.normalize(form, text) for text in texts[None]]
        if key not in bare:
            bare[key] = counter_of(encoding)(texts[form])
        lengths[kind.name] = _lengths(kind, found, texts[form], bare[key])
    return lengths


def _lengths(
    kind: Tokenizer, found: list[Transcript], texts: list[str], bare: list[int]
) -> ModelLengths:
    written = _written(kind, found, texts, bare)
    added = _added(kind)
    lengths, place = ModelLengths(), 0
    for each in found:
        end = place + len(each.messages)
        marks = added.message * len(each.messages)
        if each.messages[0].role not in SYSTEM_ROLES:
            marks += added.system
        if each.messages[-1].role == "assistant":
            marks += added.thought
        lengths.bare[sum(bare[place:end])] += 1
        lengths.templated[sum(written[place:end]) + marks] += 1
        place = end
    return lengths


def _written(
    kind: Tokenizer, found: list[Transcript], texts: list[str], bare: list[int]
) -> list[int]:
    """Tokens of each message as the template writes it, its marks left out."""
    if not kind.head:
        return bare
    roles = [turn.role for each in found for turn in each.messages]
    heads = _heads(kind)
    written = [count + heads[role] for count, role in zip(bare, roles, strict=True)]
    final = _finals(found) if kind.thought else frozenset()
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
            again.append(_head_of(kind, roles[place]) + text)
    counts = counter_of(kind.encoding)(again)
    for place, count in zip(unusual, counts, strict=True):
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


@dataclass(frozen=True)
class _Added:
    """Tokens that a template adds outside of the texts and what touches them."""

    message: int
    system: int  # the whole message that stands where none was given
    thought: int


@cache
def _added(kind: Tokenizer) -> _Added:
    before, after = kind.user
    message = _marks(kind, before.removesuffix(kind.head)) + _marks(kind, after)
    system = 0
    if kind.default_system:
        text = _head_of(kind, "system") + kind.default_system
        system = message + counter_of(kind.encoding)([text])[0]
    return _Added(message, system, _marks(kind, kind.thought))


def _marks(kind: Tokenizer, text: str) -> int:
    pieces = _pieces(text, kind.special)
    texts = [piece for piece in pieces if piece not in kind.special]
    count = counter_of(kind.encoding)
    return len(pieces) - len(texts) + sum(count(texts))


def _pieces(text: str, special: tuple[str, ...]) -> list[str]:
    return [piece for _, piece in split_special(text, special)]


@cache
def _heads(kind: Tokenizer) -> dict[str, int]:
    count = counter_of(kind.encoding)
    return dict(
        zip(ROLES, count([_head_of(kind, role) for role in ROLES]), strict=True)
    )


def _head_of(kind: Tokenizer, role: str) -> str:
    return kind.head.replace("user", role)
