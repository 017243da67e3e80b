"""Insights: what a second pass over a dataset finds, in chunks, on several
processes."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from datasets.core.analysis.analyze import pieces
from datasets.core.analysis.example_index import LineAt, lines_of, read_records
from datasets.core.canonical import transcript
from datasets.core.conversation import whole_text
from datasets.core.insights import (
    label_balance,
    length_outliers,
    near_duplicates,
    validation_split,
)
from datasets.core.insights.chunk import (
    SHOWN,
    ChunkInsights,
    ChunkResult,
    insights_of_chunk,
    sketches_of,
)
from datasets.core.insights.near_duplicates import Cluster
from datasets.core.processes.parallel import run_parallel
from datasets.core.readers.rows import Progress
from datasets.core.tokenization.model_lengths import Tokenizer, reported

INSIGHTS_VERSION = 4  # increase when the same data would get other insights


@dataclass(frozen=True)
class Insights:
    """Indices count examples from 0; long lists hold the first `SHOWN` entries."""

    version: int
    languages: dict[str, int]  # number of examples by language
    language_confidence: float  # mean over the examples with a known language
    other_languages: list[dict[str, Any]]  # examples in another than the main one
    near_duplicates: dict[str, Any]
    conflicting_answers: dict[str, Any]
    private: dict[str, Any]
    labels: dict[str, Any] | None  # None: answers are no labels
    length_outliers: dict[str, Any]
    split: dict[str, Any]
    tokenizers: dict[str, Any]


@dataclass
class _Total:
    insights: ChunkInsights = field(default_factory=ChunkInsights)
    sketches: list[NDArray[np.void]] = field(default_factory=list)
    done: int = 0

    def add(self, found: ChunkResult) -> None:
        self.insights.merge(found.insights)
        self.sketches.append(found.sketches)
        self.done += found.size


def find_insights(
    examples: BinaryIO,
    records: NDArray[np.void],
    tokenizers: tuple[Tokenizer, ...],
    processes: int,
    report: Progress,
) -> Insights:
    """`records` is the index of the examples (`example_index.RECORD`); rows are counted
    by each of `tokenizers`."""
    total = _Total()
    work = partial(insights_of_chunk, tokenizers=tokenizers)
    for _, found in run_parallel(work, pieces(examples), processes, examples):
        total.add(found)
        report(total.done)
    insights = total.insights
    clusters = near_duplicates.clusters(
        np.concatenate(total.sketches), partial(_text_at, lines_of(examples), records)
    )
    copies = records["first"].astype(np.intp)
    return Insights(
        version=INSIGHTS_VERSION,
        languages=dict(insights.languages.most_common()),
        language_confidence=round(insights.confidence / max(insights.detected, 1), 3),
        other_languages=_others(insights),
        near_duplicates=_near(clusters),
        conflicting_answers=_conflicts(insights),
        private=_private(insights),
        labels=label_balance.balance(insights.answers, len(records)),
        length_outliers=length_outliers.long_and_short(records["tokens"]),
        split=validation_split.plan(copies, clusters),
        tokenizers=reported(insights.tokenizers, tokenizers),
    )


def find_insights_by_index(
    examples: BinaryIO,
    index: BinaryIO,
    rows: int,
    tokenizers: tuple[Tokenizer, ...],
    processes: int,
    report: Progress,
) -> Insights:
    """`find_insights`, with the records of `rows` examples read from the file
    `index`."""
    records = read_records(index, 0, rows)
    return find_insights(examples, records, tokenizers, processes, report)


def near_copies_by_index(
    examples: BinaryIO, index: BinaryIO, rows: int
) -> frozenset[int]:
    """`near_copies`, with the records of `rows` examples read from the file `index`."""
    return near_copies(examples, read_records(index, 0, rows))


def near_copies(examples: BinaryIO, records: NDArray[np.void]) -> frozenset[int]:
    """Indices of examples that are near-duplicates of an earlier one in their
    cluster."""
    found = [sketches_of(piece) for piece in pieces(examples)]
    text_at = partial(_text_at, lines_of(examples), records)
    groups = near_duplicates.clusters(np.concatenate(found), text_at)
    return frozenset(member for group in groups for member in group.members[1:])


def _text_at(line_at: LineAt, records: NDArray[np.void], at: int) -> bytes:
    line = line_at(int(records[at]["offset"]), int(records[at]["length"]))
    return near_duplicates.normalized(whole_text(transcript(line)))


def _near(clusters: list[Cluster]) -> dict[str, Any]:
    largest = sorted(clusters, key=lambda each: -len(each.members))[:SHOWN]
    return {
        "threshold": near_duplicates.SIMILAR,
        "clusters": len(clusters),
        "examples": sum(len(each.members) for each in clusters),
        "largest": [
            {
                "size": len(each.members),
                "similarity": each.similarity,
                "examples": list(each.members[:SHOWN]),
            }
            for each in largest
        ],
    }


def _others(insights: ChunkInsights) -> list[dict[str, Any]]:
    main = next((name for name, _ in insights.languages.most_common(1)), None)
    return [
        {"example": place, "language": language, "confidence": confidence}
        for language, found in insights.first_of_language.items()
        if language != main
        for place, confidence in found
    ][:SHOWN]


def _conflicts(insights: ChunkInsights) -> dict[str, Any]:
    """Counts prompts that occur with different answers, by hashes of both."""
    prompts = np.frombuffer(insights.prompts, np.uint64)
    answers = np.frombuffer(insights.replies, np.uint64)
    order = np.lexsort((answers, prompts))
    same = prompts[order][1:] == prompts[order][:-1]
    other = answers[order][1:] != answers[order][:-1]
    places = np.flatnonzero(same & other)
    groups = np.unique(prompts[order][places])
    shown = [
        np.flatnonzero(prompts == prompt)[:SHOWN].tolist() for prompt in groups[:SHOWN]
    ]
    involved = int(np.isin(prompts, groups).sum())
    return {"prompts": len(groups), "examples": involved, "first": shown}


def _private(insights: ChunkInsights) -> dict[str, Any]:
    return {
        "kinds": dict(Counter(insights.private).most_common()),
        "examples": insights.private_examples,
        "first": insights.first_private[:SHOWN],
    }


def are_insights(stored: object) -> bool:
    """Whether today's rules computed them."""
    return isinstance(stored, Mapping) and stored.get("version") == INSIGHTS_VERSION
