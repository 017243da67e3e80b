"""The preview of fixes: what a page shows and a file keeps."""

from dataclasses import dataclass
from typing import Any, BinaryIO

import msgspec

from datasets.core.fixes.apply import FixPlan, FixReport, apply_fixes
from datasets.core.fixes.diff import Difference, difference
from datasets.core.fixes.operations import Repair
from datasets.core.ingestion.ingest import Limits
from datasets.core.layouts.columns import Layout
from datasets.core.readers.rows import Progress

PREVIEW_VERSION = 1  # increase when the same fixes would be shown differently


@dataclass(frozen=True)
class PreviewedChange:
    repair: Repair
    changed: int
    dropped: int
    first: list[Difference]  # unmasked, with any personal data


@dataclass(frozen=True)
class Preview:
    rows_before: int
    rows_after: int
    unreadable: int
    changes: list[PreviewedChange]


def preview(report: FixReport) -> Preview:
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


@dataclass(frozen=True)
class Previewed:
    content: bytes  # a `Preview` as JSON
    summary: dict[str, Any]


def preview_repairs(
    source: BinaryIO,
    target: BinaryIO,
    limits: Limits,
    layout: Layout,
    work: FixPlan,
    report: Progress,
) -> Previewed:
    found = apply_fixes(source, target, limits, layout, work, report)
    return Previewed(msgspec.json.encode(preview(found)), found.summary)
