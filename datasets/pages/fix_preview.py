"""The page of a fix before it is applied: what it would change."""

from dataclasses import dataclass

from datasets import services
from datasets.core.fixes.diff import Difference
from datasets.core.fixes.operations import Repair
from datasets.core.fixes.preview import Preview, PreviewedChange
from datasets.core.ingestion.role_names import RoleName, roles_in
from datasets.core.layouts.columns import Layout, stored_columns
from datasets.core.presentation.fix_options import details, fields_of, in_words
from datasets.models import Dataset
from datasets.pages.data_page import profile_now
from datasets.storage.files import opened
from datasets.uploads import limits
from datasets.work.limits import run_bounded


@dataclass(frozen=True)
class ShownChange:
    title: str
    details: list[str]
    changed: int
    dropped: int
    first: list[Difference]

    @property
    def rows(self) -> int:
        return self.changed + self.dropped


@dataclass(frozen=True)
class FixPreview:
    report: Preview
    changes: list[ShownChange]
    fields: list[tuple[str, str]]  # form fields that request the same fixes

    @property
    def changes_nothing(self) -> bool:
        return not any(change.rows for change in self.changes)


def try_repairs(dataset: Dataset, repairs: tuple[Repair, ...]) -> FixPreview:
    """Changes nothing. Raises InvalidInput for fixes that cannot be applied."""
    profile_now(dataset)
    report = services.preview_of(dataset, repairs, seconds=0)
    return FixPreview(
        report,
        [_shown(change) for change in report.changes],
        fields_of(change.repair for change in report.changes),
    )


def _shown(change: PreviewedChange) -> ShownChange:
    return ShownChange(
        title=in_words(change.repair),
        details=details(change.repair),
        changed=change.changed,
        dropped=change.dropped,
        first=change.first,
    )


def role_names(dataset: Dataset) -> list[RoleName]:
    """The role names of an upload, as its file spells them."""
    layout = Layout(dataset.form, stored_columns(dataset.columns))
    with opened(dataset.original_key) as source:
        return run_bounded(roles_in, source, limits(), layout, size=dataset.size)
