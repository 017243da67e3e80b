"""Canonical examples → profile and index, in one pass."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from datasets.core.index import IndexBuilder
from datasets.core.profile import Profile, summarize
from datasets.core.reading import stored
from datasets.core.tally import Tally, digest
from datasets.core.tokens import CountTokens

REPORT_EVERY = 500  # examples

Report = Callable[[int], None]  # bytes of the examples file that are done


@dataclass(frozen=True)
class Upload:
    """What the upload already told: lines that are not among the examples."""

    bad_lines: int
    problems: tuple[str, ...]
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
    duplicates = np.count_nonzero(records["first"] != np.arange(len(records)))
    profile = summarize(
        tally,
        encoding=encoding,
        duplicates=int(duplicates),
        bad_lines=upload.bad_lines,
        problems=upload.problems,
        notes=upload.notes,
    )
    return profile, records
