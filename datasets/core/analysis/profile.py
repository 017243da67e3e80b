"""Everything we know about a dataset, in one value."""

from dataclasses import asdict, dataclass, field
from typing import Any

from datasets.core.analysis.quality_score import Verdict
from datasets.core.analysis.statistics import Tally
from datasets.core.percentiles import histogram, percentiles
from datasets.core.stored_values import loaded

RULES_VERSION = 6  # raise it when the same data would get another profile


@dataclass(frozen=True)
class Profile:
    rules_version: int
    encoding: str  # tiktoken encoding that all token figures are in
    total_examples: int
    total_messages: int
    total_tokens: int
    roles: dict[str, int]
    average_message_length: float  # characters
    multi_turn_examples: int
    system_examples: int
    tool_examples: int
    token_buckets: dict[str, int]
    tokens_p50: int
    tokens_p95: int
    tokens_p99: int
    tokens_max: int
    answer_tokens: int
    duplicates: int
    scripts: dict[str, float]  # share of letters by writing system, estimated
    quality_score: float
    quality_issues: list[str]
    format_valid: bool
    quality_parts: list[dict[str, Any]] = field(default_factory=list)
    trainable_share: float = 0.0  # of the tokens: those that a model learns to write
    turns: dict[str, int] = field(default_factory=dict)  # examples by user messages
    token_histogram: dict[str, int] = field(default_factory=dict)  # by powers of two
    tokens_per_example: dict[str, int] = field(default_factory=dict)  # percentiles
    tokens_per_message: dict[str, int] = field(default_factory=dict)
    sampled_languages: dict[str, int] = field(default_factory=dict)  # examples of a few
    distinct_lengths: int = 0  # entries of the table behind the index

    @property
    def average_tokens(self) -> int:
        """Tokens per example, rounded half up."""
        return (2 * self.total_tokens + self.total_examples) // (
            2 * self.total_examples
        )

    @property
    def multi_turn_percentage(self) -> float:
        return round(100 * self.multi_turn_examples / self.total_examples, 1)


def summarize(
    tally: Tally,
    *,
    encoding: str,
    duplicates: int,
    verdict: Verdict,
    format_valid: bool,
    notes: tuple[str, ...],
    languages: dict[str, int],
) -> Profile:
    return Profile(
        rules_version=RULES_VERSION,
        encoding=encoding,
        total_examples=tally.examples,
        total_messages=tally.messages,
        total_tokens=tally.tokens,
        roles=dict.fromkeys(("user", "assistant", "system"), 0) | dict(tally.roles),
        average_message_length=round(tally.characters / tally.messages, 1),
        multi_turn_examples=tally.multi_turn,
        system_examples=tally.with_system,
        tool_examples=tally.with_tools,
        token_buckets=tally.buckets,
        tokens_p50=tally.percentile(50),
        tokens_p95=tally.percentile(95),
        tokens_p99=tally.percentile(99),
        tokens_max=max(tally.lengths),
        answer_tokens=tally.answer_tokens,
        duplicates=duplicates,
        scripts=tally.scripts(),
        quality_score=verdict.score,
        quality_issues=[*verdict.sentences, *(f"Hint: {note}" for note in notes)],
        format_valid=format_valid,
        quality_parts=[asdict(part) for part in verdict.parts],
        trainable_share=round(tally.trainable_tokens / max(tally.tokens, 1), 4),
        turns={str(turns): n for turns, n in sorted(tally.turns.items())},
        token_histogram=histogram(tally.lengths),
        tokens_per_example=percentiles(tally.lengths),
        tokens_per_message=percentiles(tally.message_lengths),
        sampled_languages=languages,
        distinct_lengths=len(tally.lengths),
    )


def loaded_profile(stored: object) -> Profile | None:
    """None where it is by other rules and has to be computed again."""
    profile = loaded(Profile, stored)
    if profile is None or profile.rules_version != RULES_VERSION:
        return None
    return profile
