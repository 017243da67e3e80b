"""The quality score: 1 minus penalties, each with its rows and a message.

A penalty is a weight times a share: the rows with the fault, divided by themselves plus
the rows without any fault. So another fault, in an old or a new row, can only raise
penalties, and the order of the rows does not matter.
"""

import math
from dataclasses import dataclass

from datasets.core.faults.catalog import KINDS
from datasets.core.ingestion.problem_log import Group, places

ENOUGH_EXAMPLES = 50
# Weights as those of faults, see FaultKind.
DUPLICATE_WEIGHT = 0.7
BAD_LINES_WEIGHT = 2.5
BAD_LINES_POINTS = 0.05  # for having any


@dataclass(frozen=True)
class QualityEvidence:
    """What the score is computed from."""

    examples: int
    faulty: int = 0  # examples with at least one fault
    duplicates: int = 0
    first_duplicates: tuple[int, ...] = ()  # indices of examples
    bad_lines: int = 0
    problems: tuple[str, ...] = ()  # messages about the first bad lines
    groups: tuple[Group, ...] = ()

    @property
    def clean(self) -> int:
        """Rows that are neither duplicates nor faulty; a lower bound, as a row may be
        both."""
        return max(self.examples - self.faulty - self.duplicates, 0)

    def share(self, count: int) -> float:
        """`count` rows as a share of themselves plus the clean ones, of 50 at least."""
        return count / max(self.clean + count, ENOUGH_EXAMPLES)


@dataclass(frozen=True)
class ScorePart:
    """One penalty."""

    name: str
    points: float
    count: int
    sentences: tuple[str, ...]
    rows: tuple[int, ...] = ()  # the first lines; for duplicates, indices of examples


@dataclass(frozen=True)
class Verdict:
    score: float  # 0..1, two decimals
    parts: tuple[ScorePart, ...]

    @property
    def sentences(self) -> list[str]:
        return [text for part in self.parts for text in part.sentences]


def judge(evidence: QualityEvidence) -> Verdict:
    found = [_few(evidence), _bad_lines(evidence), _duplicates(evidence)]
    found += [_kind(evidence, group) for group in evidence.groups]
    parts = sorted(
        (part for part in found if part is not None),
        key=lambda part: -part.points,  # the largest first
    )
    score = max(1.0 - sum(part.points for part in parts), 0.0)
    # Rounded down: a dataset with any fault is below 1.
    return Verdict(math.floor(round(score * 100, 6)) / 100, tuple(parts))


def _few(evidence: QualityEvidence) -> ScorePart | None:
    count = evidence.clean
    if count >= ENOUGH_EXAMPLES:
        return None
    total = evidence.examples
    noun = "example" if total == 1 else "examples"
    number = f"{total:,} {noun}"
    if total >= ENOUGH_EXAMPLES:
        number = f"{count:,} of {total:,} examples are neither copies nor faulty"
    # Duplicates that are also faulty count as both.
    only = "Perhaps only" if evidence.faulty and evidence.duplicates else "Only"
    sentence = (
        f"{only} {number}: fewer than {ENOUGH_EXAMPLES} teach a model style at best; "
        "add more."
    )
    points = 0.05 + 0.25 * (1 - count / ENOUGH_EXAMPLES)
    return ScorePart("few_examples", points, count, (sentence,))


def _bad_lines(evidence: QualityEvidence) -> ScorePart | None:
    bad = evidence.bad_lines
    if not bad:
        return None
    left = bad - len(evidence.problems)
    tail = (f"{left:,} more lines are left out for such reasons.",) if left > 0 else ()
    share = bad / (bad + evidence.examples)
    verb = "line is" if bad == 1 else "lines are"
    head = f"{bad:,} {verb} left out ({share:.1%} of all):"
    points = BAD_LINES_POINTS + BAD_LINES_WEIGHT * bad / (bad + evidence.clean)
    return ScorePart("left_out", points, bad, (head, *evidence.problems, *tail))


def _duplicates(evidence: QualityEvidence) -> ScorePart | None:
    count = evidence.duplicates
    if not count:
        return None
    sentence = (
        f"Exact duplicates of earlier examples: {_of_all(count, evidence.examples)}. "
        "They are trained on twice and leak into validation; remove them."
    )
    points = DUPLICATE_WEIGHT * evidence.share(count)
    rows = evidence.first_duplicates
    return ScorePart("duplicates", points, count, (sentence,), rows)


def _kind(evidence: QualityEvidence, group: Group) -> ScorePart | None:
    kind = KINDS.get(group.kind)
    if kind is None or kind.weight is None or not group.kept:
        return None  # its rows are left out, which costs points already
    sentence = (
        f"{kind.title}: {_of_all(group.kept, evidence.examples)}, on {places(group)}."
    )
    points = kind.weight * evidence.share(group.kept)
    return ScorePart(
        group.kind, points, group.kept, (sentence,), tuple(group.first_kept)
    )


def _of_all(count: int, total: int) -> str:
    return f"{count:,} of {total:,} ({count / total:.1%})"
