"""The quality score: 1 minus penalties, each with the sentence that explains it."""

from collections.abc import Callable
from dataclasses import dataclass

FEW_EXAMPLES = 50
SHOWN_PROBLEMS = 20


@dataclass(frozen=True)
class Evidence:
    """What the score is made from; counts of examples, but for `bad_lines`."""

    examples: int
    duplicates: int
    with_blank: int
    without_last_answer: int
    bad_lines: int
    problems: tuple[str, ...]  # the first bad lines, in words


@dataclass(frozen=True)
class Penalty:
    points: float
    sentences: tuple[str, ...]


def judge(evidence: Evidence) -> tuple[float, list[str]]:
    """The score (0..1, two decimals) and a sentence for every point lost."""
    penalties = [found for part in PARTS if (found := part(evidence)) is not None]
    score = 1.0 - sum(penalty.points for penalty in penalties)
    sentences = [text for penalty in penalties for text in penalty.sentences]
    return round(max(score, 0.0), 2), sentences


def _few(evidence: Evidence) -> Penalty | None:
    count = evidence.examples
    if count >= FEW_EXAMPLES:
        return None
    noun = "example" if count == 1 else "examples"
    sentence = (
        f"Only {count} {noun}: fewer than {FEW_EXAMPLES} teach a model style at best; "
        "add more."
    )
    return Penalty(0.05 + 0.25 * (1 - count / FEW_EXAMPLES), (sentence,))


def _bad_lines(evidence: Evidence) -> Penalty | None:
    bad = evidence.bad_lines
    if not bad:
        return None
    share = bad / (bad + evidence.examples)
    left = bad - len(evidence.problems)
    tail = (f"{left:,} more lines are left out for such reasons.",) if left > 0 else ()
    head = f"{_lines(bad)} left out ({share:.1%} of all):"
    return Penalty(0.05 + 2.5 * share, (head, *evidence.problems, *tail))


def _duplicates(evidence: Evidence) -> Penalty | None:
    return _share_of(
        evidence.duplicates, evidence.examples, 0.7,
        "Exact copies of earlier examples",
        "They weigh their lesson twice and leak into validation; remove them.",
    )  # fmt: skip


def _blank(evidence: Evidence) -> Penalty | None:
    return _share_of(
        evidence.with_blank, evidence.examples, 0.7,
        "Examples with an empty message",
        "Fill the message or remove the example.",
    )  # fmt: skip


def _unanswered(evidence: Evidence) -> Penalty | None:
    return _share_of(
        evidence.without_last_answer, evidence.examples, 0.3,
        "Examples whose last message is not the assistant's",
        "What follows the last answer teaches nothing; remove it or answer it.",
    )  # fmt: skip


def _share_of(
    count: int, total: int, weight: float, what: str, advice: str
) -> Penalty | None:
    if not count:
        return None
    share = count / total
    sentence = f"{what}: {count:,} of {total:,} ({share:.1%}). {advice}"
    return Penalty(weight * share, (sentence,))


def _lines(count: int) -> str:
    return f"{count:,} line is" if count == 1 else f"{count:,} lines are"


Part = Callable[[Evidence], Penalty | None]
PARTS: tuple[Part, ...] = (_few, _bad_lines, _duplicates, _blank, _unanswered)
