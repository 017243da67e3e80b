"""A profile as texts and bars of a page."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from datasets.core.analysis.profile import Profile
from datasets.core.faults.catalog import KINDS

PART_NAMES = {
    "few_examples": "Few examples",
    "left_out": "Lines left out",
    "duplicates": "Exact copies",
} | {name: kind.title for name, kind in KINDS.items()}
PART_LINKS = {"few_examples": "#rows", "left_out": "problems/"}
MOST_TURNS = 8  # shown one by one
NameOf = Callable[[str], str]
SHOWN_PERCENTILES = ("p50", "p95", "p99", "p100")


@dataclass(frozen=True)
class ProfileBar:
    label: str
    value: float
    words: str  # the value for display
    share: float  # percent of the longest bar, or of the total
    issue: str = ""  # path to the rows behind the bar, below the data page


@dataclass(frozen=True)
class ProfileView:
    """All bars of the data page."""

    score: int  # percent
    verdict: str
    lost: list[ProfileBar]
    tokens: list[ProfileBar]
    roles: list[ProfileBar]
    turns: list[ProfileBar]
    scripts: list[ProfileBar]
    percentiles: list[tuple[str, int]]
    answer_share: str


def report(profile: Profile) -> ProfileView:
    return ProfileView(
        score=round(100 * profile.quality_score),
        verdict=score_words(profile.quality_score),
        lost=lost_points(profile),
        tokens=token_bars(profile),
        roles=role_bars(profile),
        turns=turn_bars(profile),
        scripts=script_bars(profile),
        percentiles=[
            (name.replace("p", "") + "%", profile.tokens_per_example.get(name, 0))
            for name in SHOWN_PERCENTILES
        ],
        answer_share=f"{profile.trainable_share:.0%}",
    )


def score_words(score: float) -> str:
    if score >= 0.9:
        return "Ready to train on"
    if score >= 0.7:
        return "Usable; worth a repair"
    return "Repair it before you train"


def lost_points(profile: Profile) -> list[ProfileBar]:
    """The penalties of the score, the largest first."""
    parts = sorted(profile.quality_parts, key=lambda part: -part["points"])
    return [
        ProfileBar(
            label=PART_NAMES.get(part["name"], part["name"]),
            value=part["points"],
            words=f"−{100 * part['points']:.1f} points",
            share=100 * part["points"] / parts[0]["points"],
            issue=PART_LINKS.get(part["name"], f"?issue={part['name']}#rows"),
        )
        for part in parts
    ]


def token_bars(profile: Profile) -> list[ProfileBar]:
    """Number of examples by tokens, in powers of two without gaps."""
    counts = {int(start): count for start, count in profile.token_histogram.items()}
    if not counts:
        return []
    starts = _powers(min(counts), max(counts))
    top = max(counts.values())
    return [
        ProfileBar(
            label="0" if not start else f"{start:,}–{2 * start - 1:,}",
            value=start,
            words=f"{counts.get(start, 0):,}",
            share=100 * counts.get(start, 0) / top,
        )
        for start in starts
    ]


def _powers(low: int, high: int) -> list[int]:
    starts = [] if low else [0]
    start = max(low, 1)
    while start <= high:
        starts.append(start)
        start *= 2
    return starts


def role_bars(profile: Profile) -> list[ProfileBar]:
    return _of_all(profile.roles, "message")


def turn_bars(profile: Profile) -> list[ProfileBar]:
    """Number of examples by user messages; long conversations share a bar."""
    turns = {int(number): count for number, count in profile.turns.items()}
    few = {_questions(n): turns[n] for n in sorted(turns) if n <= MOST_TURNS}
    more = sum(count for number, count in turns.items() if number > MOST_TURNS)
    return _of_all(few | ({f"more than {MOST_TURNS}": more} if more else {}), "row")


def _questions(number: int) -> str:
    return "1 question" if number == 1 else f"{number} questions"


def script_bars(profile: Profile) -> list[ProfileBar]:
    return [
        ProfileBar(name.capitalize(), share, f"{100 * share:.1f}%", 100 * share)
        for name, share in profile.scripts.items()
        if share >= 0.001
    ]


def language_bars(languages: Mapping[str, int], name_of: NameOf) -> list[ProfileBar]:
    return [
        replace(bar, label=name_of(bar.label), issue=f"?language={bar.label}#rows")
        for bar in _of_all(languages, "row")
    ]


def sampled_language_bars(profile: Profile, name_of: NameOf) -> list[ProfileBar]:
    total = sum(profile.sampled_languages.values())
    return [
        ProfileBar(name_of(code), count, f"{count / total:.0%}", 100 * count / total)
        for code, count in profile.sampled_languages.items()
    ]


@dataclass(frozen=True)
class InsightsView:
    """The insights for display; rows count from 1."""

    languages: list[ProfileBar]
    near: list[list[int]]
    near_rows: int
    conflicts: list[list[int]]
    conflicting_prompts: int
    private: list[tuple[str, int]]
    private_rows: int


def insights_view(insights: Mapping[str, Any], name_of: NameOf) -> InsightsView:
    """`name_of` gives the name of a language by its code."""
    near, private = insights["near_duplicates"], insights["private"]
    conflicts = insights["conflicting_answers"]
    return InsightsView(
        languages=language_bars(insights["languages"], name_of),
        near=[_numbers(cluster["examples"]) for cluster in near["largest"]],
        near_rows=near["examples"],
        conflicts=[_numbers(group) for group in conflicts["first"]],
        conflicting_prompts=conflicts["prompts"],
        private=[(k.replace("_", " "), n) for k, n in private["kinds"].items()],
        private_rows=private["examples"],
    )


def _numbers(indices: list[int]) -> list[int]:
    return [index + 1 for index in indices]


def _of_all(counts: Mapping[str, int], unit: str) -> list[ProfileBar]:
    total = sum(counts.values()) or 1
    return [
        ProfileBar(
            name,
            count,
            f"{count:,} {unit if count == 1 else unit + 's'} ({count / total:.1%})",
            100 * count / total,
        )
        for name, count in counts.items()
        if count
    ]
