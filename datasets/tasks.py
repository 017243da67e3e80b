"""Analysis and insight as work that a worker claims, renews and finishes."""

import logging
import time
from dataclasses import asdict, dataclass, field

import numpy as np
from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db.models import F
from django.utils import timezone

from datasets.core import analysis
from datasets.core.index import RECORD
from datasets.core.problems import Group
from datasets.files import opened, verified
from datasets.models import LEASE, MAX_ATTEMPTS, Analysis, Dataset, Insight, State

logger = logging.getLogger("slmgen.analysis")

SECONDS_BETWEEN_REPORTS = 1.0


class LostLease(Exception):
    """Somebody else has claimed this work."""


@dataclass
class Claim:
    """The right to write one piece of work, for as long as its fence stands."""

    row: Analysis | Insight
    reported_at: float = field(default_factory=time.monotonic)

    def report(self, done_bytes: int) -> None:
        now = time.monotonic()
        if now - self.reported_at < SECONDS_BETWEEN_REPORTS:
            return
        self.reported_at = now
        percent = 100 * done_bytes // max(self.row.dataset.examples_bytes, 1)
        self.write(progress=min(percent, 99), lease_until=timezone.now() + LEASE)

    def write(self, **values: object) -> None:
        rows = type(self.row).objects.filter(pk=self.row.pk, fence=self.row.fence)
        if not rows.update(**values, updated_at=timezone.now()):
            raise LostLease

    def finish(self, **values: object) -> None:
        self.write(state=State.DONE, progress=100, lease_until=None, **values)


def work_once() -> bool:
    """Claims and finishes one piece of waiting work; False when there is none."""
    row = _waiting(Analysis) or _waiting(Insight)
    if row is None:
        return False
    claim = claim_row(row)
    if claim is not None:
        run(claim)
    return True


def _waiting(kind: type[Analysis] | type[Insight]) -> Analysis | Insight | None:
    rows = kind.objects.claimable().order_by("dataset__created_at")
    if kind is Insight:
        rows = rows.filter(dataset__analysis__state=State.DONE)
    row: Analysis | Insight | None = rows.first()
    return row


def claim_row(row: Analysis | Insight) -> Claim | None:
    """The claim, or None when another worker got there first or it failed too often."""
    spent = row.fence >= MAX_ATTEMPTS
    claimed = (
        type(row)
        .objects.claimable()
        .filter(pk=row.pk, fence=row.fence)
        .update(
            state=State.FAILED if spent else State.RUNNING,
            fence=F("fence") + 1,
            lease_until=timezone.now() + LEASE,
        )
    )
    if not claimed or spent:
        return None
    row.refresh_from_db()
    return Claim(row)


def run(claim: Claim) -> None:
    try:
        if isinstance(claim.row, Analysis):
            _analyze(claim)
        else:
            _look_closer(claim)
    except LostLease:
        logger.warning("the lease of a piece of work was lost; nothing was written")


def _analyze(claim: Claim) -> None:
    dataset = claim.row.dataset
    upload = analysis.Upload(
        bad_lines=dataset.bad_lines,
        problems=tuple(dataset.problems),
        faulty_examples=dataset.faulty_examples,
        groups=tuple(Group(**group) for group in dataset.problem_groups),
        notes=_notes(dataset),
    )
    with verified(dataset.examples_key, dataset.examples_sha256) as file:
        profile, records = analysis.analyze(
            file, upload, _counting(dataset), claim.report
        )
    _replace(dataset.index_key, records.tobytes())
    claim.finish(profile=asdict(profile), rules_version=profile.rules_version)


def _look_closer(claim: Claim) -> None:
    # Imported when needed: most processes never take a closer look.
    from datasets.core.insights import look_closer

    dataset = claim.row.dataset
    processes = _counting(dataset).processes
    with opened(dataset.index_key) as file:
        records = np.frombuffer(file.read(), RECORD)
    with verified(dataset.examples_key, dataset.examples_sha256) as file:
        found = look_closer(file, records, processes, claim.report)
    claim.finish(report=asdict(found))


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


def _replace(key: str, content: bytes) -> None:
    default_storage.delete(key)
    default_storage.save(key, ContentFile(content))
