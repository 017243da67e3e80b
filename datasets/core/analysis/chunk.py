"""A block of the examples file → its statistics: the unit of parallel work."""

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
ESCAPED = re.compile(rb"\\u00(?:6[5789]|7[47])")  # an escaped letter of "weight"


@dataclass(frozen=True)
class ChunkStatistics:
    statistics: Statistics
    lengths: "array[int]"  # of each line without its line feed, bytes
    tokens: "array[int]"  # of each example
    digests: bytes
    size: int  # of the whole block, bytes


def chunk_statistics(
    piece: LineBlock, *, count: CountAll, memory: Memory, seed: int
) -> ChunkStatistics:
    table = message_table_of(piece, count, memory)
    statistics, tokens = statistics_of(table)
    statistics.trainable_tokens = statistics.answer_tokens - _untrained(table)
    statistics.letters = sampled_letters(table, piece.line - 1)
    return ChunkStatistics(
        statistics=statistics,
        lengths=table.lengths,
        tokens=tokens,
        # Fast, not cryptographic: examples with equal digests are compared.
        digests=b"".join([xxhash.xxh3_128_digest(key, seed) for key in table.keys]),
        size=len(piece.text),
    )


def _untrained(table: MessageTable) -> int:
    """Tokens of answers with weight 0, which few files have."""
    heavy = {at: line for at, line in table.rich.items() if _may_have_weight(line)}
    starts = table.starts[list(heavy)].tolist()
    return sum(
        int(count)
        for start, line in zip(starts, heavy.values(), strict=True)
        for count, message in zip(table.counts[start:], weighted(line), strict=False)
        if message.role == "assistant" and message.weight == 0
    )


def _may_have_weight(line: bytes) -> bool:
    return WEIGHT in line or ESCAPED.search(line) is not None
