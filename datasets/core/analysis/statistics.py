"""Statistics of blocks of conversations, which can be summed."""

from array import array
from collections import Counter
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from datasets.core.analysis.message_table import ROLES, MessageTable
from datasets.core.analysis.scripts import letters
from datasets.core.percentiles import percentile

TOKEN_BUCKETS = {"0-100": 100, "100-500": 500, "500-1000": 1000, "1000+": None}
SCRIPT_SAMPLE_EVERY = 7  # examples; the shares are estimated from every seventh
SCRIPT_SAMPLE_CHARACTERS = 10_000


@dataclass(slots=True)
class Statistics:
    """Sums over the examples so far; all but `lengths` are of constant size."""

    examples: int = 0
    messages: int = 0
    characters: int = 0
    tokens: int = 0
    answer_tokens: int = 0
    trainable_tokens: int = 0  # of answers whose weight is not 0
    multi_turn: int = 0
    with_system: int = 0
    with_tools: int = 0
    roles: Counter[str] = field(default_factory=Counter)
    # Number of examples by number of tokens
    lengths: Counter[int] = field(default_factory=Counter)
    message_lengths: Counter[int] = field(default_factory=Counter)
    # Number of examples by number of user messages
    turns: Counter[int] = field(default_factory=Counter)
    letters: Counter[str] = field(default_factory=Counter)

    def merge(self, other: "Statistics") -> None:
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
        """The length that `percent` percent of the examples do not exceed (nearest
        rank)."""
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


def bucket(tokens: int) -> str:
    return next(
        name for name, end in TOKEN_BUCKETS.items() if end is None or tokens < end
    )


def statistics_of(table: MessageTable) -> tuple[Statistics, "array[int]"]:
    """The statistics of the examples of a block, and the tokens of each example."""
    starts, tokens = table.starts, table.counts
    roles = np.frombuffer(table.roles, np.uint8)
    of_examples = np.add.reduceat(tokens, starts)
    questions = np.add.reduceat(roles == ord("u"), starts, dtype=np.int64)
    is_system = (roles == ord("s")) | (roles == ord("d"))
    statistics = Statistics(
        examples=len(starts),
        messages=len(tokens),
        characters=table.characters,
        tokens=int(tokens.sum()),
        answer_tokens=int(tokens[roles == ord("a")].sum()),
        multi_turn=int((questions > 1).sum()),
        with_system=int(np.logical_or.reduceat(is_system, starts).sum()),
        with_tools=table.with_tools,
        lengths=_counted(of_examples),
        message_lengths=_counted(tokens),
        turns=_counted(questions),
    )
    for letter, messages in Counter(table.roles.decode()).items():
        statistics.roles[ROLES[letter]] += messages
    statistics.roles["system"] += statistics.roles.pop("developer", 0)
    return statistics, array("I", of_examples.astype(np.uint32).tobytes())


def _counted(values: NDArray[np.int64]) -> Counter[int]:
    found, times = np.unique(values, return_counts=True)
    return Counter(dict(zip(found.tolist(), times.tolist(), strict=True)))


def sampled_letters(table: MessageTable, first: int) -> Counter[str]:
    """Counts the letters of every seventh example; `first` is the index of the block's
    first."""
    places = range(-first % SCRIPT_SAMPLE_EVERY, len(table.keys), SCRIPT_SAMPLE_EVERY)
    sample = [
        " ".join(table.texts(place))[:SCRIPT_SAMPLE_CHARACTERS] for place in places
    ]
    found = Counter[str]()
    for is_ascii in (True, False):  # mostly ASCII, which is faster by itself
        texts = [text for text in sample if text.isascii() == is_ascii]
        found.update(letters(" ".join(texts)))
    return found
