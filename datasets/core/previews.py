"""What repairs would change, in the parts that a page shows and a file keeps."""

from dataclasses import dataclass

from datasets.core.differences import Difference, difference
from datasets.core.mending import Report
from datasets.core.repairs import Repair

PREVIEW_VERSION = 1  # raise it when the same repairs would be shown otherwise


@dataclass(frozen=True)
class PreviewedChange:
    repair: Repair
    changed: int
    dropped: int
    first: list[Difference]  # rows as they are, private data and all


@dataclass(frozen=True)
class Preview:
    rows_before: int
    rows_after: int
    unreadable: int
    changes: list[PreviewedChange]


def preview(report: Report) -> Preview:
    changes = [
        PreviewedChange(
            repair=change.repair,
            changed=change.changed,
            dropped=change.dropped,
            first=[difference(row) for row in change.rows],
        )
        for change in report.changes
    ]
    return Preview(report.rows_before, report.rows_after, report.unreadable, changes)
