"""Exact token counts, without a download.

toktok has the vocabularies compiled in and is what counts. tiktoken, which a setting
chooses and a check at the start compares with, is several times slower and counts the
same, but for characters newer than its tables. It fetches its vocabulary at first use;
the package bpe-openai has the same files, each checked against the SHA-256 that OpenAI
publishes.
"""

import base64
import gzip
import hashlib
from collections.abc import Callable
from functools import cache, partial
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from typing import NamedTuple

import tiktoken
import toktok

CountAll = Callable[[list[str]], list[int]]  # tokens of each text, in order
LIBRARIES = ("toktok", "tiktoken")

# Patterns and hashes: tiktoken 0.14.0, tiktoken_ext/openai_public.py.
_ENDING = "(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
_UPPER, _LOWER = r"\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}", r"\p{Ll}\p{Lm}\p{Lo}\p{M}"


_loading = Lock()


class Vocabulary(NamedTuple):
    sha256: str
    pattern: str


VOCABULARIES = {
    "o200k_base": Vocabulary(
        "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
        "|".join(
            [
                rf"[^\r\n\p{{L}}\p{{N}}]?[{_UPPER}]*[{_LOWER}]+{_ENDING}",
                rf"[^\r\n\p{{L}}\p{{N}}]?[{_UPPER}]+[{_LOWER}]*{_ENDING}",
                r"\p{N}{1,3}",
                r" ?[^\s\p{L}\p{N}]+[\r\n/]*",
                r"\s*[\r\n]+",
                r"\s+(?!\S)",
                r"\s+",
            ]
        ),
    ),
    "cl100k_base": Vocabulary(
        "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7",
        r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+"
        r"| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s",
    ),
}


class VocabularyError(Exception):
    """The vocabulary is missing or not the published one."""


def token_counter(name: str, library: str = "toktok") -> CountAll:
    """Counts tokens of plain texts; markers such as `<|endoftext|>` count as text."""
    with _loading:  # threads that start together load one vocabulary
        return _counter(name, library)


@cache
def _counter(name: str, library: str) -> CountAll:
    vocabulary = VOCABULARIES.get(name)
    if vocabulary is None:
        known = ", ".join(VOCABULARIES)
        raise VocabularyError(f"unknown encoding {name!r}; known are {known}")
    if library == "toktok":
        toktok.batch_count([], name, threads=1)  # loads it
        return partial(_count_by_toktok, name)
    if library != "tiktoken":
        known = ", ".join(LIBRARIES)
        raise VocabularyError(f"unknown tokenizer {library!r}; known are {known}")
    return partial(_count_by_tiktoken, _encoding(name, vocabulary))


def counted(texts: list[str], *, name: str, library: str) -> list[int]:
    """`token_counter` as a plain function, which can be sent to another process."""
    return token_counter(name, library)(texts)


def _count_by_toktok(name: str, texts: list[str]) -> list[int]:
    # One thread: large files already use several processes.
    counts: list[int] = toktok.batch_count(texts, name, threads=1)
    return counts


def _count_by_tiktoken(encoding: tiktoken.Encoding, texts: list[str]) -> list[int]:
    return [len(encoding.encode_ordinary(text)) for text in texts]


def _encoding(name: str, vocabulary: Vocabulary) -> tiktoken.Encoding:
    return tiktoken.Encoding(
        name,
        pat_str=vocabulary.pattern,
        mergeable_ranks=packaged_ranks(name, vocabulary.sha256),
        special_tokens={},
    )


def packaged_ranks(name: str, sha256: str) -> dict[bytes, int]:
    """A vocabulary that bpe-openai ships, if its hash is this one."""
    # Located without an import, which would load a tokenizer of its own.
    package = find_spec("bpe_openai")
    if package is None or package.origin is None:
        raise VocabularyError("the package bpe-openai, which carries it, is missing")
    packed = Path(package.origin).with_name("data") / f"{name}.tiktoken.gz"
    table = gzip.decompress(packed.read_bytes())
    if hashlib.sha256(table).hexdigest() != sha256:
        raise VocabularyError(
            f"the vocabulary {name} in bpe-openai is not the one expected"
        )
    pairs = (line.split() for line in table.splitlines())
    return {base64.b64decode(token): int(rank) for token, rank in pairs}
