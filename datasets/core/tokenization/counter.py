"""Exact token counts, without a download.

tiktoken is the reference. It ships no vocabulary and fetches it at first use; the
package bpe-openai has the same files, each checked against the SHA-256 that OpenAI
publishes. toktok has the vocabularies compiled in, counts the same several times
faster, and is what counts unless a setting says otherwise.
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
from ahocorasick_rs import BytesAhoCorasick

CountAll = Callable[[list[str]], list[int]]  # tokens of each text, in order
LIBRARIES = ("toktok", "tiktoken")
# Code points that Unicode 17 added: toktok 0.3 knows which are letters, tiktoken 0.14
# does not yet, so it counts the texts with one. The first and the last of each run.
NEWER = (
    (0x88F, 0x88F), (0xC5C, 0xC5C), (0xCDC, 0xCDC), (0x1ACF, 0x1ADD), (0x1AE0, 0x1AEB),
    (0xA7CE, 0xA7CF), (0xA7D2, 0xA7D2), (0xA7D4, 0xA7D4), (0xA7F1, 0xA7F1),
    (0x10940, 0x10959), (0x10EC5, 0x10EC7), (0x10EFA, 0x10EFB), (0x11B60, 0x11B67),
    (0x11DB0, 0x11DDB), (0x11DE0, 0x11DE9), (0x16EA0, 0x16EB8), (0x16EBB, 0x16ED3),
    (0x16FF2, 0x16FF6), (0x187F8, 0x187FF), (0x18D09, 0x18D1E), (0x18D80, 0x18DF2),
    (0x1E6C0, 0x1E6DE), (0x1E6E0, 0x1E6F5), (0x1E6FE, 0x1E6FF), (0x2B73A, 0x2B73F),
    (0x2CEA2, 0x2CEAD), (0x323B0, 0x33479),
)  # fmt: skip

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
    """The vocabulary is missing or is not the published one."""


def token_counter(name: str, library: str = "toktok") -> CountAll:
    """Counts tokens of plain texts; markers such as `<|endoftext|>` are text too."""
    with _loading:  # threads that begin together load one vocabulary
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
    """As `token_counter`, which another process can't be sent."""
    return token_counter(name, library)(texts)


def _count_by_toktok(name: str, texts: list[str]) -> list[int]:
    # One thread: large files are spread over processes already.
    counts: list[int] = toktok.batch_count(texts, name, threads=1)
    if places := _with_newer_characters(texts):
        again = token_counter(name, "tiktoken")([texts[place] for place in places])
        for place, count in zip(places, again, strict=True):
            counts[place] = count
    return counts


def _with_newer_characters(texts: list[str]) -> list[int]:
    """Places of all texts with one of NEWER, and of a few without."""
    some = [place for place, text in enumerate(texts) if not text.isascii()]
    found = _newer().find_matches_as_indexes
    if not found("".join([texts[place] for place in some]).encode()):
        return []
    return [place for place in some if found(texts[place].encode())]


@cache
def _newer() -> BytesAhoCorasick:
    characters = [chr(code) for start, end in NEWER for code in range(start, end + 1)]
    # The first bytes of four are rare enough; most of the others have neighbours.
    beginnings = {c.encode()[:2] if c > "\uffff" else c.encode() for c in characters}
    return BytesAhoCorasick(sorted(beginnings))


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
    """A vocabulary that bpe-openai carries, if it is the one with this hash."""
    # Found, not imported: on import the package loads a tokenizer of its own.
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
