"""Handlers of work: analysis, insights and export."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from os import SEEK_END
from tempfile import TemporaryFile
from typing import BinaryIO, cast

from django.conf import settings
from django.core.files.base import File
from django.core.files.storage import default_storage
from django.utils.module_loading import import_string

from datasets.core.analysis import analyze as analysis
from datasets.core.analysis.example_index import size_of
from datasets.core.exports.export import export_file
from datasets.core.ingestion.problem_log import groups_of
from datasets.core.readers.rows import Progress, no_progress
from datasets.core.tokenization.model_lengths import Tokenizer
from datasets.models import Dataset, Kind, WorkItem
from datasets.storage.files import opened, verified
from datasets.work import engine, results
from datasets.work.engine import Claim, handles
from datasets.work.limits import on_disk, run_bounded, temporary_file


@handles(Kind.ANALYSIS, label="Analysis")
def analyze(claim: Claim) -> None:
    dataset = claim.item.dataset
    upload = analysis.Upload(
        bad_lines=dataset.bad_lines,
        problems=tuple(dataset.problems),
        faulty_examples=dataset.faulty_examples,
        groups=groups_of(dataset.problem_groups),
        notes=_notes(dataset),
    )
    with (
        verified(dataset.examples_key, dataset.examples_sha256) as examples,
        temporary_file() as index,
    ):
        profile = run_bounded(
            analysis.analyze_into,
            *(examples, index, upload, _counting(dataset)),
            size=dataset.examples_bytes,
            report=claim.report,
        )
        key = claim.key("index")
        index_bytes = index.seek(0, SEEK_END)
        default_storage.save(key, File(index))
    claim.finish(file=key, file_bytes=index_bytes, result=asdict(profile))


@contextmanager
def open_index(analysis: WorkItem) -> Iterator[BinaryIO]:
    """The index of a finished analysis. Raises Conflict when it is damaged."""
    rows, distinct = (
        analysis.result["total_examples"],
        analysis.result["distinct_lengths"],
    )
    with opened(analysis.file, size_of(rows, distinct)) as file:
        yield file


@contextmanager
def index_for_work(dataset: Dataset) -> Iterator[BinaryIO]:
    """The index as a local file, for a handler. Restarts an outdated analysis and
    raises Requeued."""
    analysis = results.stored(dataset, Kind.ANALYSIS)
    if analysis is None:
        results.restart_outdated(results.analysis_of(dataset))
        raise engine.Requeued
    with open_index(analysis) as stored, on_disk(stored) as index:
        yield index


@handles(Kind.INSIGHTS, label="The closer look")
def find_insights(claim: Claim) -> None:
    # Imported late: most processes never compute insights.
    from datasets.core.insights import insights

    dataset = claim.item.dataset
    processes = _counting(dataset).processes
    tokenizers: tuple[Tokenizer, ...] = import_string(settings.MODEL_TOKENIZERS)()
    with (
        verified(dataset.examples_key, dataset.examples_sha256) as examples,
        index_for_work(dataset) as index,
    ):
        found = run_bounded(
            insights.find_insights_by_index,
            *(examples, index, dataset.total_examples, tokenizers, processes),
            size=dataset.examples_bytes,
            report=claim.report,
        )
    claim.finish(result=asdict(found))


@handles(Kind.EXPORT, label="The export")
def export_to_file(claim: Claim) -> None:
    form = claim.item.payload["format"]
    with exported(claim.item.dataset, form, claim.report) as target:
        key, size = claim.key("export"), target.seek(0, SEEK_END)
        target.seek(0)
        default_storage.save(key, File(target))
    claim.finish(file=key, file_bytes=size)


def exported(dataset: Dataset, form: str, report: Progress = no_progress) -> BinaryIO:
    """The examples in another format, in a temporary file that is deleted when
    closed."""
    with ExitStack() as stack:
        folder = settings.FILE_UPLOAD_TEMP_DIR
        target = stack.enter_context(TemporaryFile(dir=folder))
        with verified(dataset.examples_key, dataset.examples_sha256) as examples:
            run_bounded(
                export_file,
                *(examples, target, form),
                size=dataset.examples_bytes,
                report=report,
            )
        target.seek(0)
        stack.pop_all()  # the caller closes it
        return cast("BinaryIO", target)


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
