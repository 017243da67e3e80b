"""Vocabularies of models that a package ships: tokens with their positions.

Named as in toktok, or "qwen". Texts are expected in the Unicode form that the model's
tokenizer normalizes to.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import cache, partial

import tiktoken
import toktok

from datasets.core.tokenization.counter import CountAll, packaged_ranks

Encode = Callable[[str], list[tuple[int, int, int]]]  # id, start and end in characters

# Qwen 2, 2.5 and 3 share a vocabulary of 151,643 tokens; bpe-openai ships it under the
# name of another model that uses it. A test checks its ids of known words.
QWEN = "voyage3_base"
QWEN_SHA256 = "b2b1b8dfb5cc5f024bafc373121c6aba3f66f9a5a0269e243470a1de16a33186"
QWEN_PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
ENCODINGS = ("o200k_base", "cl100k_base", "qwen3.5", "qwen")


def encoder_of(encoding: str) -> Encode:
    return _by_qwen if encoding == "qwen" else partial(_by_toktok, encoding)


def counter_of(encoding: str) -> CountAll:
    return _count_by_qwen if encoding == "qwen" else partial(_count, encoding)


def split_special(text: str, special: Sequence[str]) -> Iterator[tuple[int, str]]:
    """Splits the text into special tokens and the texts between them, with
    positions."""
    at = 0
    while at < len(text):
        hits = [
            (place, -len(s), s) for s in special if (place := text.find(s, at)) >= 0
        ]
        place, _, found = min(hits, default=(len(text), 0, ""))
        if place > at:
            yield at, text[at:place]
        if found:
            yield place, found
        at = place + len(found)


def _by_toktok(vocabulary: str, text: str) -> list[tuple[int, int, int]]:
    # The package's public functions count only; a private one returns tokens with
    # positions.
    encoding = toktok._encoding(vocabulary)
    ids, places = encoding.encode_with_offsets(text, unit="char")
    return [(token, *place) for token, place in zip(ids, places, strict=True)]


def _count(vocabulary: str, texts: list[str]) -> list[int]:
    counts: list[int] = toktok.batch_count(texts, vocabulary, threads=1)
    return counts


@cache
def _qwen() -> tiktoken.Encoding:
    ranks = packaged_ranks(QWEN, QWEN_SHA256)
    return tiktoken.Encoding(
        "qwen", pat_str=QWEN_PATTERN, mergeable_ranks=ranks, special_tokens={}
    )


def _by_qwen(text: str) -> list[tuple[int, int, int]]:
    ids = _qwen().encode_ordinary(text)
    _, starts = _qwen().decode_with_offsets(ids)
    ends = [*starts, len(text)][1:]
    return list(zip(ids, starts, ends, strict=True))


def _count_by_qwen(texts: list[str]) -> list[int]:
    encode = _qwen().encode_ordinary
    return [len(encode(text)) for text in texts]
