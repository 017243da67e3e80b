"""Lines of the examples file → their figures: what one process does at a time."""

import re
from array import array
from dataclasses import dataclass

import xxhash

from datasets.core.analysis.message_table import MessageTable, message_table_of
from datasets.core.analysis.statistics import Statistics, sampled_letters, statistics_of
from datasets.core.canonical import weighted
from datasets.core.readers.rows import LineBlock
from datasets.core.tokenization.counter import CountAll
from datasets.core.validation.native import Memory

DIGEST_BYTES = 16
WEIGHT = b'"weight"'
ESCAPED = re.compile(rb"\\u00(?:6[5789]|7[47])")  # a letter of it


@dataclass(frozen=True)
class ChunkStatistics:
    statistics: Statistics
    lengths: "array[int]"  # of each line without its line feed, bytes
    tokens: "array[int]"  # of each example
    digests: bytes
    size: int  # bytes of all of it


def chunk_statistics(
    piece: LineBlock, *, count: CountAll, memory: Memory, seed: int
) -> ChunkStatistics:
    said = message_table_of(piece, count, memory)
    statistics, tokens = statistics_of(said)
    statistics.trainable_tokens = statistics.answer_tokens - _untrained(said)
    statistics.letters = sampled_letters(said, piece.line - 1)
    return ChunkStatistics(
        statistics=statistics,
        lengths=said.lengths,
        tokens=tokens,
        # Fast, not proof against forgery: examples with equal digests are compared.
        digests=b"".join([xxhash.xxh3_128_digest(key, seed) for key in said.keys]),
        size=len(piece.text),
    )


def _untrained(said: MessageTable) -> int:
    """Tokens of answers whose weight is 0; few files have any."""
    heavy = {at: line for at, line in said.rich.items() if _may_have_weight(line)}
    starts = said.starts[list(heavy)].tolist()
    return sum(
        int(count)
        for start, line in zip(starts, heavy.values(), strict=True)
        for count, message in zip(said.counts[start:], weighted(line), strict=False)
        if message.role == "assistant" and message.weight == 0
    )


def _may_have_weight(line: bytes) -> bool:
    return WEIGHT in line or ESCAPED.search(line) is not None
