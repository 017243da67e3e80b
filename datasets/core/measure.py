"""Lines of the examples file → their figures: what one process does at a time."""

import re
from array import array
from dataclasses import dataclass
from itertools import accumulate

import msgspec
import xxhash

from datasets.core.conversations import Transcript
from datasets.core.reading import transcript, weighted
from datasets.core.rows import Lines
from datasets.core.tally import Tally, sampled_letters, tallied
from datasets.core.tokens import CountAll

DIGEST_BYTES = 16
WEIGHT = b'"weight"'
ESCAPED = re.compile(rb"\\u00(?:6[5789]|7[47])")  # a letter of it

_encoder = msgspec.json.Encoder(order="deterministic")


@dataclass(frozen=True)
class Measured:
    tally: Tally
    lengths: "array[int]"  # of each line without its line feed, bytes
    tokens: "array[int]"  # of each example
    digests: bytes
    size: int  # bytes of all of it


def measure(piece: Lines, *, count: CountAll, seed: int) -> Measured:
    lines = piece.examples
    found = [transcript(line) for line in lines]
    texts = [turn.content or "" for each in found for turn in each.messages]
    counts = count(texts)  # type: ignore[arg-type]  # no list is left
    tally, tokens = tallied(found, texts, counts)  # type: ignore[arg-type]  # as above
    tally.with_tools = sum([each.uses_tools for each in found])
    tally.trainable_tokens = tally.answer_tokens
    if _may_have_weight(piece.text):
        tally.trainable_tokens -= _untrained(lines, found, counts)
    tally.letters = sampled_letters(found, piece.line - 1)
    return Measured(
        tally=tally,
        lengths=array("I", map(len, lines)),
        tokens=array("I", tokens),
        digests=b"".join([digest(each, seed) for each in found]),
        size=len(piece.text),
    )


def _may_have_weight(text: bytes) -> bool:
    return WEIGHT in text or ESCAPED.search(text) is not None


def _untrained(lines: list[bytes], found: list[Transcript], counts: list[int]) -> int:
    """Tokens of answers whose weight is 0; few files have any."""
    heavy = [place for place, line in enumerate(lines) if _may_have_weight(line)]
    ends = list(accumulate([len(each.messages) for each in found]))
    return sum(
        count
        for place in heavy
        for count, message in zip(
            counts[ends[place] - len(found[place].messages) : ends[place]],
            weighted(lines[place]),
            strict=True,
        )
        if message.role == "assistant" and message.weight == 0
    )


def key_of(transcript: Transcript) -> bytes:
    """Equal for conversations with the same roles, contents and tool calls."""
    return _encoder.encode(transcript.messages)


def digest(transcript: Transcript, seed: int) -> bytes:
    """Of `key_of`. Fast, not proof against forgery: equal ones are compared."""
    return xxhash.xxh3_128_digest(key_of(transcript), seed)
