"""Handlers of work: fixes, which make a new version of a dataset, and their preview."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, BinaryIO, TypeVar

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from datasets.core.fixes.apply import FixPlan, apply_fixes_to_file
from datasets.core.fixes.operations import Repair, repair_of
from datasets.core.fixes.preview import preview_repairs
from datasets.core.layouts import columns
from datasets.core.readers.rows import Progress
from datasets.handlers.analysis import index_for_work
from datasets.models import Dataset, Kind
from datasets.storage.files import verified
from datasets.uploads import Origin, RowCallback, limits, store_upload
from datasets.work.engine import Claim, handles
from datasets.work.limits import run_bounded, temporary_file

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Repaired:
    dataset: Dataset  # the new version; after a dry run the old one
    summary: dict[str, Any]


def repair_dataset(
    dataset: Dataset,
    repairs: tuple[Repair, ...],
    *,
    on_commit_row: RowCallback | None = None,
    share_done: Callable[[float], None] = lambda share: None,
) -> Repaired:
    """A new version of `dataset`, with `repairs` applied in order."""

    def half(first: int) -> Progress:
        """Applying fixes and ingesting the result take about the same time."""
        return lambda done: share_done((first + min(done / dataset.size, 1)) / 2)

    with temporary_file() as target:
        summary = _bounded(apply_fixes_to_file, dataset, repairs, target, half(0))
        origin = Origin(dataset.filename, dataset.owner_id, dataset, summary)
        made = store_upload(target, origin, columns.CHAT, on_commit_row, half(1))
        return Repaired(made, summary)


@handles(Kind.REPAIR, label="The repair", asked_by_post=True)
def repair_as_work(claim: Claim) -> None:
    def on_commit_row(made: Dataset) -> None:
        claim.finish(result={"dataset": str(made.pk), "report": made.repairs})

    def share_done(share: float) -> None:
        claim.report(int(share * dataset.examples_bytes))

    dataset = claim.item.dataset
    repairs = _requested(claim)
    repair_dataset(dataset, repairs, on_commit_row=on_commit_row, share_done=share_done)


@handles(Kind.PREVIEW, label="The preview of the repair")
def preview_as_work(claim: Claim) -> None:
    """Previews fixes. The rows may hold personal data, so they are stored in a file, as
    all content is; the work item holds them masked."""

    def report(done: float) -> None:
        claim.report(int(dataset.examples_bytes * min(done / dataset.size, 1)))

    dataset = claim.item.dataset
    repairs = _requested(claim)
    with temporary_file() as target:
        found = _bounded(preview_repairs, dataset, repairs, target, report)
    key = claim.key("preview")
    default_storage.save(key, ContentFile(found.content))
    claim.finish(file=key, file_bytes=len(found.content), result=found.summary)


def _requested(claim: Claim) -> tuple[Repair, ...]:
    return tuple(repair_of(**one) for one in claim.item.payload["repairs"])


def _bounded(
    work: Callable[..., Answer],
    dataset: Dataset,
    repairs: tuple[Repair, ...],
    target: BinaryIO,
    report: Progress,
) -> Answer:
    layout = columns.Layout(dataset.form, columns.stored_columns(dataset.columns))
    copies: frozenset[int] = frozenset()
    if any(repair.kind == "drop_near_duplicates" for repair in repairs):
        copies = _near_copies(dataset)
    with verified(dataset.original_key, dataset.sha256) as source:
        return run_bounded(
            work,
            *(source, target, limits(), layout, FixPlan(repairs, copies)),
            size=dataset.size,
            report=report,
        )


def _near_copies(dataset: Dataset) -> frozenset[int]:
    # Imported late: most processes never compute insights.
    from datasets.core.insights.insights import near_copies_by_index

    with (
        verified(dataset.examples_key, dataset.examples_sha256) as examples,
        index_for_work(dataset) as index,
    ):
        return run_bounded(
            near_copies_by_index,
            *(examples, index, dataset.total_examples),
            size=dataset.examples_bytes,
        )
