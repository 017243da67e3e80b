"""Canonical examples → profile and index, in one pass."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from datasets.core.index import IndexBuilder
from datasets.core.problems import FIRST_LINES, Group
from datasets.core.profile import Profile, summarize
from datasets.core.quality import Evidence, judge
from datasets.core.reading import stored
from datasets.core.tally import Tally, digest
from datasets.core.tokens import CountTokens

REPORT_EVERY = 500  # examples

Report = Callable[[int], None]  # bytes of the examples file that are done


@dataclass(frozen=True)
class Upload:
    """What the upload already told about its rows."""

    bad_lines: int = 0
    problems: tuple[str, ...] = ()  # the first bad lines, in words
    faulty_examples: int = 0
    groups: tuple[Group, ...] = ()
    notes: tuple[str, ...] = ()  # sentences that cost no points


def analyze(
    examples: BinaryIO,
    upload: Upload,
    *,
    encoding: str,
    count_tokens: CountTokens,
    report: Report,
) -> tuple[Profile, NDArray[np.void]]:
    """The profile of `examples` and one index record (`index.RECORD`) for each."""
    tally, index = Tally(count_tokens), IndexBuilder()
    done = 0
    for line in examples:
        conversation = stored(line)
        tokens = tally.add(conversation)
        length = len(line) - 1
        index.add(length=length, tokens=tokens, digest=digest(conversation))
        done += len(line)
        if tally.examples % REPORT_EVERY == 0:
            report(done)
    records = index.build()
    copies = np.flatnonzero(records["first"] != np.arange(len(records)))
    verdict = judge(
        Evidence(
            examples=tally.examples,
            faulty=upload.faulty_examples,
            duplicates=len(copies),
            first_duplicates=tuple(copies[:FIRST_LINES].tolist()),
            bad_lines=upload.bad_lines,
            problems=upload.problems,
            groups=upload.groups,
        )
    )
    profile = summarize(
        tally,
        encoding=encoding,
        duplicates=len(copies),
        verdict=verdict,
        format_valid=upload.bad_lines == 0,
        notes=upload.notes,
    )
    return profile, records
