"""Tokens of models' own vocabularies with their places in a text."""

import unicodedata
from collections.abc import Callable
from functools import cache

import tiktoken
import toktok

from datasets.core.tokens import packaged_ranks
from datasets.core.vocabularies import CARRIED

Encode = Callable[[str], list[tuple[int, int, int]]]  # id, start and end in characters

# By a word in the catalogue's name of a tokenizer, as toktok names it.
BY_TOKTOK = {
    "o200k": "o200k_base",
    "cl100k": "cl100k_base",
    "qwen3.5": "qwen3.5",
}
# Another model took Qwen's vocabulary over: the same file, by its SHA-256.
QWEN_IN_BPE_OPENAI = "voyage3_base"


def encoder_for(tokenizer: str) -> Encode | None:
    """By the catalogue's name of the tokenizer; None where no package carries it."""
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
    known = CARRIED["qwen"]
    return tiktoken.Encoding(
        "qwen",
        pat_str=known.pattern,
        mergeable_ranks=packaged_ranks(QWEN_IN_BPE_OPENAI, known.sha256),
        special_tokens={},
    )


def _by_qwen(text: str) -> list[tuple[int, int, int]]:
    """Places are of the normal form (NFC), which is what the model reads."""
    normal = unicodedata.normalize("NFC", text)
    ids = _qwen().encode_ordinary(normal)
    _, starts = _qwen().decode_with_offsets(ids)
    ends = [*starts[1:], len(normal)]
    return list(zip(ids, starts, ends, strict=True))
