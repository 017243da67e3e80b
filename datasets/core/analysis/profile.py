"""The profile: all figures of a dataset."""

from dataclasses import asdict, dataclass, field
from typing import Any

from datasets.core.analysis.quality_score import Verdict
from datasets.core.analysis.statistics import Statistics
from datasets.core.percentiles import histogram, percentiles
from datasets.core.stored_values import loaded

RULES_VERSION = 7  # increase when the same data would get another profile


@dataclass(frozen=True)
class Profile:
    rules_version: int
    encoding: str  # tiktoken encoding of all token counts
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
    trainable_share: float = 0.0  # share of tokens that are trained on
    # Number of examples by number of user messages
    turns: dict[str, int] = field(default_factory=dict)
    # Number of examples by powers of two
    token_histogram: dict[str, int] = field(default_factory=dict)
    tokens_per_example: dict[str, int] = field(default_factory=dict)  # percentiles
    tokens_per_message: dict[str, int] = field(default_factory=dict)
    # Languages of a sample of the examples
    sampled_languages: dict[str, int] = field(default_factory=dict)
    distinct_lengths: int = 0  # entries in the index's table of lengths

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
    statistics: Statistics,
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
        total_examples=statistics.examples,
        total_messages=statistics.messages,
        total_tokens=statistics.tokens,
        roles=dict.fromkeys(("user", "assistant", "system"), 0)
        | dict(statistics.roles),
        average_message_length=round(statistics.characters / statistics.messages, 1),
        multi_turn_examples=statistics.multi_turn,
        system_examples=statistics.with_system,
        tool_examples=statistics.with_tools,
        token_buckets=statistics.buckets,
        tokens_p50=statistics.percentile(50),
        tokens_p95=statistics.percentile(95),
        tokens_p99=statistics.percentile(99),
        tokens_max=max(statistics.lengths),
        answer_tokens=statistics.answer_tokens,
        duplicates=duplicates,
        scripts=statistics.scripts(),
        quality_score=verdict.score,
        quality_issues=[*verdict.sentences, *(f"Hint: {note}" for note in notes)],
        format_valid=format_valid,
        quality_parts=[asdict(part) for part in verdict.parts],
        trainable_share=round(
            statistics.trainable_tokens / max(statistics.tokens, 1), 4
        ),
        turns={str(turns): n for turns, n in sorted(statistics.turns.items())},
        token_histogram=histogram(statistics.lengths),
        tokens_per_example=percentiles(statistics.lengths),
        tokens_per_message=percentiles(statistics.message_lengths),
        sampled_languages=languages,
        distinct_lengths=len(statistics.lengths),
    )


def loaded_profile(stored: object) -> Profile | None:
    """None where other rules computed it, so that it has to be computed again."""
    profile = loaded(Profile, stored)
    if profile is None or profile.rules_version != RULES_VERSION:
        return None
    return profile
