"""Examples file → profile and index, in one pass."""

import secrets
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from datasets.core.analysis.chunk import chunk_statistics
from datasets.core.analysis.example_index import (
    IndexBuilder,
    LineAt,
    confirmed,
    lines_of,
    linked,
    to_bytes,
)
from datasets.core.analysis.language import guesses
from datasets.core.analysis.message_table import key_of
from datasets.core.analysis.profile import Profile, summarize
from datasets.core.analysis.quality_score import QualityEvidence, judge
from datasets.core.analysis.statistics import Statistics
from datasets.core.canonical import transcript
from datasets.core.conversation import whole_text
from datasets.core.ingestion.problem_log import FIRST_LINES, Group
from datasets.core.processes.parallel import run_parallel
from datasets.core.readers.rows import BATCH_BYTES, LineBlock, Progress, line_feeds
from datasets.core.tokenization.counter import counted
from datasets.core.validation.native import Memory, is_built

LANGUAGE_SAMPLE = 200  # examples


@dataclass(frozen=True)
class Upload:
    """Figures that the upload has counted already."""

    bad_lines: int = 0
    problems: tuple[str, ...] = ()  # messages about the first bad lines
    faulty_examples: int = 0
    groups: tuple[Group, ...] = ()
    notes: tuple[str, ...] = ()  # messages that cost no points


@dataclass(frozen=True)
class Counting:
    """The token counter, and the number of cores to count on."""

    encoding: str = "o200k_base"
    library: str = "toktok"
    processes: int = 1


def analyze(
    examples: BinaryIO, upload: Upload, counting: Counting, report: Progress
) -> tuple[Profile, NDArray[np.void]]:
    """The profile of `examples`, and one index record (`example_index.RECORD`) for
    each."""
    statistics, index, done = Statistics(), IndexBuilder(), 0
    count = partial(counted, name=counting.encoding, library=counting.library)
    work = partial(
        chunk_statistics, count=count, memory=Memory(), seed=secrets.randbits(64)
    )
    threads = is_built() and counting.library == "toktok"
    for _, measured in run_parallel(
        work, pieces(examples), counting.processes, examples, threads=threads
    ):
        statistics.merge(measured.statistics)
        index.add(measured)
        done += measured.size
        report(done)
    line_at = lines_of(examples)
    records = linked(confirmed(index.build(), line_at, _key_of))
    copies = np.flatnonzero(records["first"] != np.arange(len(records)))
    profile = summarize(
        statistics,
        encoding=counting.encoding,
        duplicates=len(copies),
        verdict=judge(_evidence(statistics, upload, copies)),
        format_valid=upload.bad_lines == 0,
        notes=upload.notes,
        languages=_sampled_languages(records, line_at),
    )
    return profile, records


def analyze_into(
    examples: BinaryIO,
    index: BinaryIO,
    upload: Upload,
    counting: Counting,
    report: Progress,
) -> Profile:
    """`analyze`, with the records written to the file `index`."""
    profile, records = analyze(examples, upload, counting, report)
    index.write(to_bytes(records))
    return profile


def pieces(examples: BinaryIO) -> Iterator[LineBlock]:
    """Blocks of about a megabyte, from the start of the file."""
    line, offset = 1, 0
    while text := examples.read(BATCH_BYTES):
        text += examples.readline()
        yield LineBlock(line, offset, text)
        line += line_feeds(text)
        offset += len(text)


def _sampled_languages(records: NDArray[np.void], line_at: LineAt) -> dict[str, int]:
    """Counts the languages of a few examples, spread evenly over the file."""
    last = len(records) - 1
    places = np.linspace(0, last, min(LANGUAGE_SAMPLE, last + 1)).astype(int)
    lines = [line_at(int(at["offset"]), int(at["length"])) for at in records[places]]
    found = guesses([whole_text(transcript(line)) for line in lines])
    return dict(Counter(guess.language for guess in found).most_common())


def _key_of(line: bytes) -> bytes:
    return key_of(transcript(line))


def _evidence(
    statistics: Statistics, upload: Upload, copies: NDArray[np.intp]
) -> QualityEvidence:
    return QualityEvidence(
        examples=statistics.examples,
        faulty=upload.faulty_examples,
        duplicates=len(copies),
        first_duplicates=tuple(copies[:FIRST_LINES].tolist()),
        bad_lines=upload.bad_lines,
        problems=upload.problems,
        groups=upload.groups,
    )
