"""Models' own vocabularies, where a wheel carries them: tokens with their places."""

import unicodedata
from collections.abc import Callable
from functools import cache

import tiktoken
import toktok

from datasets.core.tokenization.counter import packaged_ranks

Encode = Callable[[str], list[tuple[int, int, int]]]  # id, start and end in characters

# By a word in the catalog's name of a tokenizer, as toktok names it.
BY_TOKTOK = {
    "o200k": "o200k_base",
    "cl100k": "cl100k_base",
    "qwen3.5": "qwen3.5",
}
# Qwen 2, 2.5 and 3 share a vocabulary of 151,643 tokens; bpe-openai carries it by the
# name of another model that took it over. Its ids of known words are tested.
QWEN = "voyage3_base"
QWEN_SHA256 = "b2b1b8dfb5cc5f024bafc373121c6aba3f66f9a5a0269e243470a1de16a33186"
QWEN_PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def encoder_for(tokenizer: str) -> Encode | None:
    """By the catalog's name of the tokenizer; None where no package carries it."""
    name = tokenizer.lower()
    for word, vocabulary in BY_TOKTOK.items():
        if word in name:
            return lambda text: _by_toktok(vocabulary, text)
    return _by_qwen if name.startswith("qwen byte bpe (151,936)") else None


def _by_toktok(vocabulary: str, text: str) -> list[tuple[int, int, int]]:
    # The package counts in public; tokens and their places it gives to who asks for it.
    encoding = toktok._encoding(vocabulary)
    ids, places = encoding.encode_with_offsets(text, unit="char")
    return [(token, *place) for token, place in zip(ids, places, strict=True)]


@cache
def _qwen() -> tiktoken.Encoding:
    ranks = packaged_ranks(QWEN, QWEN_SHA256)
    return tiktoken.Encoding(
        "qwen", pat_str=QWEN_PATTERN, mergeable_ranks=ranks, special_tokens={}
    )


def _by_qwen(text: str) -> list[tuple[int, int, int]]:
    """Places are of the normal form (NFC), which is what the model reads."""
    normal = unicodedata.normalize("NFC", text)
    ids = _qwen().encode_ordinary(normal)
    _, starts = _qwen().decode_with_offsets(ids)
    ends = [*starts[1:], len(normal)]
    return list(zip(ids, starts, ends, strict=True))


def count_by_qwen(texts: list[str]) -> list[int]:
    """Tokens of each text."""
    encode, normal = _qwen().encode_ordinary, unicodedata.normalize
    return [len(encode(normal("NFC", text))) for text in texts]
