"""Stores a dataset: a new upload, or a new version of an earlier dataset."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from os import SEEK_END
from typing import Any, BinaryIO

from django.conf import settings
from django.core.files.base import File
from django.core.files.storage import default_storage
from msgspec import to_builtins

from datasets.core.ingestion.ingest import Ingested, Limits, Targets, ingest_files
from datasets.core.layouts.columns import Layout
from datasets.core.readers.rows import Progress, no_progress
from datasets.models import Dataset, Kind, WorkItem
from datasets.storage.files import deleted_on_failure, row_of
from datasets.storage.quotas import reserve_quota
from datasets.work import engine, results
from datasets.work.limits import run_bounded, temporary_file

RowCallback = Callable[[Dataset], None]


@dataclass(frozen=True)
class Origin:
    """The origin of a dataset: its name, its owner and the version before it."""

    filename: str
    owner_id: Any
    parent: Dataset | None = None
    repairs: dict[str, Any] = field(default_factory=dict)


def limits(size: int = 0) -> Limits:
    """The limits of an upload of `size` bytes, and the number of processes that read
    it."""
    large = size >= settings.SLMGEN_SPREAD_BYTES
    return Limits(
        processes=settings.SLMGEN_PROCESSES if large else 1,
        max_bytes=settings.SLMGEN_MAX_UPLOAD_BYTES,
        max_row_bytes=settings.SLMGEN_MAX_LINE_BYTES,
        min_examples=settings.SLMGEN_MIN_EXAMPLES,
    )


def store_upload(
    source: BinaryIO,
    origin: Origin,
    layout: Layout | None,
    on_commit_row: RowCallback | None = None,
    report: Progress = no_progress,
) -> Dataset:
    """Ingests and stores a file: everything, or nothing.

    `on_commit_row` is called in the transaction of the row; an exception in it undoes
    everything.
    """
    with ExitStack() as stack:
        targets = Targets(*(stack.enter_context(temporary_file()) for _ in range(3)))
        size = source.seek(0, SEEK_END)
        source.seek(0)
        ingested = run_bounded(
            ingest_files,
            *(source, *vars(targets).values(), limits(size), layout),
            size=size,
            report=report,
        )
        dataset = _dataset_of(ingested, origin, targets)
        with deleted_on_failure(dataset.keys):
            _save(dataset, source, targets)
        with row_of(dataset.keys):
            analysis = _insert(dataset, on_commit_row)
    if results.is_small(dataset):
        results.try_now(analysis)
    return dataset


def _save(dataset: Dataset, source: BinaryIO, targets: Targets) -> None:
    default_storage.save(dataset.original_key, File(source))
    default_storage.save(dataset.examples_key, File(targets.examples))
    if dataset.problem_groups:
        default_storage.save(dataset.problems_key, File(targets.problems))
        default_storage.save(dataset.problem_index_key, File(targets.problem_index))


def _dataset_of(ingested: Ingested, origin: Origin, targets: Targets) -> Dataset:
    return Dataset(
        owner_id=origin.owner_id,
        parent=origin.parent,
        repairs=origin.repairs,
        filename=origin.filename,
        size=ingested.size,
        sha256=ingested.sha256,
        container=ingested.container,
        form=ingested.layout.form,
        columns=ingested.layout.columns.named,
        columns_guessed=ingested.layout.guessed,
        total_examples=ingested.examples,
        examples_bytes=ingested.examples_bytes,
        examples_sha256=ingested.examples_sha256,
        bad_lines=ingested.bad_lines,
        faulty_examples=ingested.faulty_examples,
        problems=[str(problem) for problem in ingested.problems],
        problem_groups=[to_builtins(group) for group in ingested.groups],
        problems_bytes=targets.problems.tell() + targets.problem_index.tell(),
    )


def _insert(dataset: Dataset, on_commit_row: RowCallback | None) -> WorkItem:
    needed = dataset.size + dataset.examples_bytes + dataset.problems_bytes
    reserve_quota(dataset.owner_id, needed, datasets=1)
    dataset.save(force_insert=True)
    if on_commit_row is not None:
        on_commit_row(dataset)
    return engine.enqueue(dataset, Kind.ANALYSIS)
