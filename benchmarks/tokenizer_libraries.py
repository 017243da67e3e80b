"""Counts the same texts by every tokenizer library that is installed.

    python benchmarks/tokenizer_libraries.py FILE [FILE ...] [--megabytes 20]

The files are chat JSON Lines; their messages are counted in o200k_base, one core, each
library in turns. Equal are those that count tiktoken's number on every single text.
Libraries that are missing are left out of the table.
"""

import argparse
import base64
import gzip
import sys
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import itertools

from datasets.core.canonical import transcript
from datasets.core.tokenization.counter import VOCABULARIES, token_counter

NAME = "o200k_base"
REPEATS = 3
Count = Callable[[list[str]], list[int]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--megabytes", type=float, default=20)
    arguments = parser.parse_args()
    texts = list(texts_of(arguments.files, int(arguments.megabytes * 1e6)))
    size = sum(len(text.encode()) for text in texts) / 1e6
    expected = token_counter(NAME, "tiktoken")(texts)
    print(f"{len(texts):,} texts, {size:.1f} MB, {sum(expected):,} tokens\n")
    print("| library | MB per CPU second | texts counted otherwise |")
    print("|---|---:|---:|")
    for name, make in LIBRARIES.items():
        try:
            count = make()
        except (ImportError, AttributeError) as error:
            print(f"| {name} | does not load: {type(error).__name__} | |")
            continue
        spent, counts = measured(count, texts)
        wrong = sum(a != b for a, b in zip(counts, expected, strict=True))
        print(f"| {name} | {size / spent:.1f} | {wrong:,} |", flush=True)


def texts_of(files: list[Path], most: int) -> Iterator[str]:
    for path in files:
        with path.open("rb") as file:
            for line in file:
                for turn in transcript(line).messages:
                    most -= len(turn.text.encode())
                    if most < 0:
                        return
                    yield turn.text


def measured(count: Count, texts: list[str]) -> tuple[float, list[int]]:
    count(texts[:100])  # loads the vocabulary
    seconds = []
    for _ in range(REPEATS):
        began = time.process_time()
        counts = count(texts)
        seconds.append(time.process_time() - began)
    return median(seconds), counts


def _bpe_openai() -> Count:
    import bpe_openai  # each library is imported where it is measured: all are optional

    encoding = bpe_openai.get_encoding(NAME)
    return lambda texts: [len(encoding.encode_ordinary(text)) for text in texts]


def _rs_bpe() -> Count:
    from rs_bpe import openai

    encoding = openai.o200k_base()
    return lambda texts: [encoding.count(text) for text in texts]


def _riptoken() -> Count:
    import riptoken

    core = riptoken.CoreBPE(_ranks(), {}, VOCABULARIES[NAME].pattern)
    return lambda texts: [len(core.encode_ordinary(text)) for text in texts]


def _hugging_face() -> Count:
    """Byte-level BPE without merges is slow to build; built from tiktoken's ranks."""
    from tokenizers import Regex, Tokenizer, models, pre_tokenizers

    ranks = _ranks()
    names = {token: _written(token) for token in ranks}
    merges = [
        (names[left], names[right])
        for token in sorted(ranks, key=ranks.__getitem__)
        for left, right in _merge(token, ranks)
    ]
    vocabulary = {names[token]: rank for token, rank in ranks.items()}
    tokenizer = Tokenizer(models.BPE(vocabulary, merges, ignore_merges=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(VOCABULARIES[NAME].pattern), "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ])  # fmt: skip
    return lambda texts: [len(tokenizer.encode(text).ids) for text in texts]


def _merge(token: bytes, ranks: dict[bytes, int]) -> Iterator[tuple[bytes, bytes]]:
    """The two tokens that a token is made of: those left when all that rank before it
    are merged."""
    parts = [token[n : n + 1] for n in range(len(token))]
    while len(parts) > 2:
        pairs = [ranks.get(a + b) for a, b in itertools.pairwise(parts)]
        known = [rank for rank in pairs if rank is not None and rank < ranks[token]]
        if not known:
            return
        at = pairs.index(min(known))
        parts[at : at + 2] = [parts[at] + parts[at + 1]]
    if len(parts) == 2:
        yield parts[0], parts[1]


def _written(token: bytes) -> str:
    """A token in the letters that byte-level BPE writes bytes with."""
    return "".join(LETTERS[byte] for byte in token)


def _letters() -> list[str]:
    plain = {*range(33, 127), *range(161, 173), *range(174, 256)}
    others = iter(range(256, 512))
    return [chr(n) if n in plain else chr(next(others)) for n in range(256)]


def _ranks() -> dict[bytes, int]:
    package = find_spec("bpe_openai")
    assert package is not None
    assert package.origin is not None
    packed = Path(package.origin).with_name("data") / f"{NAME}.tiktoken.gz"
    pairs = (line.split() for line in gzip.decompress(packed.read_bytes()).splitlines())
    return {base64.b64decode(token): int(rank) for token, rank in pairs}


LETTERS = _letters()
LIBRARIES: dict[str, Callable[[], Count]] = {
    "tiktoken": lambda: token_counter(NAME, "tiktoken"),
    "toktok": lambda: token_counter(NAME, "toktok"),
    "bpe-openai": _bpe_openai,
    "rs-bpe": _rs_bpe,
    "riptoken": _riptoken,
    "tokenizers": _hugging_face,
}

if __name__ == "__main__":
    main()
