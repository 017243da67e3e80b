"""Vocabularies that toktok does not carry, read from the data file of a package.

The package is found, never imported: of what it can do, nothing is wanted.
"""

import base64
import hashlib
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple
from unicodedata import normalize

import tiktoken

from datasets.core.tokens import CountAll, VocabularyError


class Carried(NamedTuple):
    """Of a tokenizer that brings text into the normal form NFC first."""

    package: str
    path: str  # inside the package
    sha256: str
    pattern: str


CARRIED = {
    "qwen": Carried(
        "dashscope",
        "resources/qwen.tiktoken",
        "b2b1b8dfb5cc5f024bafc373121c6aba3f66f9a5a0269e243470a1de16a33186",
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"
        r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    ),
}


def is_carried(name: str) -> bool:
    return _file(CARRIED[name]) is not None


@cache
def carried_counter(name: str) -> CountAll:
    """Raises VocabularyError for a file that is missing or not the known one."""
    vocabulary = CARRIED[name]
    path = _file(vocabulary)
    if path is None:
        raise VocabularyError(f"the package {vocabulary.package} is missing")
    table = path.read_bytes()
    if hashlib.sha256(table).hexdigest() != vocabulary.sha256:
        raise VocabularyError(
            f"{vocabulary.path} in {vocabulary.package} is not the known vocabulary"
        )
    pairs = (line.split() for line in table.splitlines())
    encoding = tiktoken.Encoding(
        name,
        pat_str=vocabulary.pattern,
        mergeable_ranks={base64.b64decode(token): int(rank) for token, rank in pairs},
        special_tokens={},
    )
    return lambda texts: [
        len(encoding.encode_ordinary(normalize("NFC", text))) for text in texts
    ]


def _file(vocabulary: Carried) -> Path | None:
    package = find_spec(vocabulary.package)
    if package is None or package.origin is None:
        return None
    path = Path(package.origin).parent / vocabulary.path
    return path if path.is_file() else None
