"""Analysis, closer look and export as work."""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from os import SEEK_END
from tempfile import TemporaryFile
from typing import BinaryIO, cast

import numpy as np
from django.conf import settings
from django.core.files.base import ContentFile, File
from django.core.files.storage import default_storage
from numpy.typing import NDArray

from datasets import engine, work
from datasets.core import analysis
from datasets.core.export import export
from datasets.core.index import read_records, size_of, to_bytes
from datasets.core.problems import groups_of
from datasets.core.rows import Progress, untold
from datasets.engine import Claim, handles
from datasets.files import opened, verified
from datasets.models import Dataset, Kind, WorkItem


@handles(Kind.ANALYSIS)
def analyze(claim: Claim) -> None:
    dataset = claim.item.dataset
    upload = analysis.Upload(
        bad_lines=dataset.bad_lines,
        problems=tuple(dataset.problems),
        faulty_examples=dataset.faulty_examples,
        groups=groups_of(dataset.problem_groups),
        notes=_notes(dataset),
    )
    with verified(dataset.examples_key, dataset.examples_sha256) as file:
        profile, records = analysis.analyze(
            file, upload, _counting(dataset), claim.report
        )
    key = claim.key("index")
    content = to_bytes(records)
    default_storage.save(key, ContentFile(content))
    claim.finish(file=key, file_bytes=len(content), result=asdict(profile))


@contextmanager
def open_index(analysis: WorkItem) -> Iterator[BinaryIO]:
    """What a finished analysis points to. Raises Conflict when it was damaged."""
    rows, distinct = (
        analysis.result["total_examples"],
        analysis.result["distinct_lengths"],
    )
    with opened(analysis.file, size_of(rows, distinct)) as file:
        yield file


def all_records(dataset: Dataset) -> NDArray[np.void]:
    """The whole index, for work. An analysis by other rules is begun again first."""
    analysis = work.stored(dataset, Kind.ANALYSIS)
    if analysis is None:
        work.renew(work.analysis_of(dataset))
        raise engine.GivenBack
    with open_index(analysis) as file:
        return read_records(file, 0, dataset.total_examples)


@handles(Kind.INSIGHTS)
def look_closer(claim: Claim) -> None:
    # Imported when needed: most processes never take a closer look.
    from datasets.core import insights

    dataset = claim.item.dataset
    processes = _counting(dataset).processes
    records = all_records(dataset)
    with verified(dataset.examples_key, dataset.examples_sha256) as file:
        found = insights.look_closer(file, records, processes, claim.report)
    claim.finish(result=asdict(found))


@handles(Kind.EXPORT)
def export_to_file(claim: Claim) -> None:
    form = claim.item.payload["format"]
    with exported(claim.item.dataset, form, claim.report) as target:
        key, size = claim.key("export"), target.seek(0, SEEK_END)
        target.seek(0)
        default_storage.save(key, File(target))
    claim.finish(file=key, file_bytes=size)


def exported(dataset: Dataset, form: str, report: Progress = untold) -> BinaryIO:
    """The examples in another form, in a file that is gone when it is closed."""
    with ExitStack() as stack:
        folder = settings.FILE_UPLOAD_TEMP_DIR
        target = stack.enter_context(TemporaryFile(dir=folder))
        with verified(dataset.examples_key, dataset.examples_sha256) as examples:
            export(_reported(examples, report), cast("BinaryIO", target), form)
        target.seek(0)
        stack.pop_all()  # the caller closes it
        return cast("BinaryIO", target)


def _reported(lines: Iterable[bytes], report: Progress) -> Iterator[bytes]:
    done = 0
    for line in lines:
        done += len(line)
        report(done)
        yield line


def _counting(dataset: Dataset) -> analysis.Counting:
    large = dataset.examples_bytes >= settings.SLMGEN_SPREAD_BYTES
    return analysis.Counting(
        settings.SLMGEN_ENCODING,
        settings.SLMGEN_TOKENIZER,
        settings.SLMGEN_PROCESSES if large else 1,
    )


def _notes(dataset: Dataset) -> tuple[str, ...]:
    if not dataset.columns_guessed:
        return ()
    named = " and ".join(f"{dataset.columns[p]!r} as {p}" for p in dataset.columns)
    return (
        f"The columns were guessed: {named}. Look at one row, or choose others, at "
        f"/datasets/{dataset.pk}/mapping.",
    )
