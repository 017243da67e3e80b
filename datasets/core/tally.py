"""Counting: sums over a batch of conversations, and sums of such sums."""

from collections import Counter
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import chain, compress, islice

from datasets.core.conversations import SYSTEM_ROLES, Transcript
from datasets.core.scripts import letters

TOKEN_BUCKETS = {"0-100": 100, "100-500": 500, "500-1000": 1000, "1000+": None}
SCRIPT_SAMPLE_EVERY = 7  # examples; the shares are an estimate from every seventh
SCRIPT_SAMPLE_CHARACTERS = 10_000
SHAPES_KEPT = 4096


@dataclass(slots=True)
class Tally:
    """Figures of the examples added so far; all but `lengths` are of flat size."""

    examples: int = 0
    messages: int = 0
    characters: int = 0
    tokens: int = 0
    answer_tokens: int = 0
    trainable_tokens: int = 0  # of answers that no weight of 0 leaves out
    multi_turn: int = 0
    with_system: int = 0
    with_tools: int = 0
    roles: Counter[str] = field(default_factory=Counter)
    lengths: Counter[int] = field(default_factory=Counter)  # examples by tokens
    message_lengths: Counter[int] = field(default_factory=Counter)
    turns: Counter[int] = field(default_factory=Counter)  # examples by user messages
    letters: Counter[str] = field(default_factory=Counter)

    def merge(self, other: "Tally") -> None:
        self.examples += other.examples
        self.messages += other.messages
        self.characters += other.characters
        self.tokens += other.tokens
        self.answer_tokens += other.answer_tokens
        self.trainable_tokens += other.trainable_tokens
        self.multi_turn += other.multi_turn
        self.with_system += other.with_system
        self.with_tools += other.with_tools
        self.roles.update(other.roles)
        self.lengths.update(other.lengths)
        self.message_lengths.update(other.message_lengths)
        self.turns.update(other.turns)
        self.letters.update(other.letters)

    def percentile(self, percent: int) -> int:
        """The length that `percent` of the examples do not exceed (nearest rank)."""
        return percentile(self.lengths, percent)

    @property
    def buckets(self) -> dict[str, int]:
        counts = dict.fromkeys(TOKEN_BUCKETS, 0)
        for length, examples in self.lengths.items():
            counts[bucket(length)] += examples
        return counts

    def scripts(self) -> dict[str, float]:
        total = self.letters.total()
        return {
            name: round(count / total, 4)
            for name, count in self.letters.most_common()
            if count
        }


def percentile(lengths: Counter[int], percent: int) -> int:
    rank = -(-lengths.total() * percent // 100)
    seen = 0
    for length in sorted(lengths):
        seen += lengths[length]
        if seen >= rank:
            return length
    return 0


def percentiles(lengths: Counter[int]) -> dict[str, int]:
    wanted = (1, 5, 25, 50, 75, 90, 95, 99, 100)
    return {f"p{percent}": percentile(lengths, percent) for percent in wanted}


def histogram(lengths: Counter[int]) -> dict[str, int]:
    """Counts by powers of two: "64" holds the lengths from 64 to 127."""
    counts: Counter[int] = Counter()
    for length, examples in lengths.items():
        counts[1 << (length.bit_length() - 1) if length else 0] += examples
    return {str(start): counts[start] for start in sorted(counts)}


def bucket(tokens: int) -> str:
    return next(
        name for name, end in TOKEN_BUCKETS.items() if end is None or tokens < end
    )


@dataclass(frozen=True, slots=True)
class Shape:
    user_turns: int
    has_system: bool
    answers: tuple[bool, ...]  # for each message whether it is one


@lru_cache(SHAPES_KEPT)
def shape_of(roles: tuple[str, ...]) -> Shape:
    return Shape(
        roles.count("user"),
        not SYSTEM_ROLES.isdisjoint(roles),
        tuple([role == "assistant" for role in roles]),
    )


def tallied(
    conversations: list[Transcript], texts: list[str], counts: list[int]
) -> tuple[Tally, list[int]]:
    """The figures of a batch and the tokens of each example.

    `texts` and `counts` are those of all messages, one after the other.
    """
    tally = Tally(examples=len(conversations), messages=len(texts))
    roles = [
        tuple([message.role for message in conversation.messages])
        for conversation in conversations
    ]
    left = iter(counts)
    tokens = [sum(islice(left, len(own))) for own in roles]
    for own, examples in Counter(roles).items():
        shape = shape_of(own)
        tally.turns[shape.user_turns] += examples
        tally.multi_turn += examples * (shape.user_turns > 1)
        tally.with_system += examples * shape.has_system
        for role, messages in Counter(own).items():
            tally.roles[role] += examples * messages
    tally.characters = sum(map(len, texts))
    tally.tokens = sum(counts)
    answering = chain.from_iterable([shape_of(own).answers for own in roles])
    tally.answer_tokens = sum(compress(counts, answering))
    tally.roles["system"] += tally.roles.pop("developer", 0)
    tally.lengths.update(tokens)
    tally.message_lengths.update(counts)
    return tally, tokens


def sampled_letters(conversations: list[Transcript], first: int) -> Counter[str]:
    """Letters of every seventh example; `first` is the index of the batch's first."""
    start = -first % SCRIPT_SAMPLE_EVERY
    sample = [
        " ".join([message.text for message in conversation.messages])
        for conversation in conversations[start::SCRIPT_SAMPLE_EVERY]
    ]
    return letters(" ".join([text[:SCRIPT_SAMPLE_CHARACTERS] for text in sample]))
