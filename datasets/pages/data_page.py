"""The pages that show a dataset as a whole."""

from dataclasses import dataclass, field
from typing import Any

from msgspec import to_builtins

from datasets import services
from datasets.core.analysis.profile import Profile
from datasets.core.faults.catalog import KINDS
from datasets.core.ingestion.problem_log import Group, groups_of
from datasets.core.presentation import fix_options
from datasets.core.presentation.profile import ProfileView, report
from datasets.core.readers.formats import row_name_of
from datasets.models import Dataset
from datasets.pages.rows import RowFilter, Rows, find_rows
from datasets.work import results
from slmgen.errors import NotReady

PROBLEMS_PER_PAGE = 50
SHOWN_GROUPS = 12


@dataclass(frozen=True)
class IssueGroup:
    kind: str
    title: str
    rows: int
    problems: int
    left_out: int
    first_lines: list[int]
    example: dict[str, Any] = field(default_factory=dict)

    @property
    def is_visible(self) -> bool:
        """Whether rows with this issue were kept."""
        return self.left_out < self.problems

    @property
    def offers(self) -> list[fix_options.FixOption]:
        return fix_options.for_fault(self.kind)


def profile_now(dataset: Dataset) -> Profile:
    """The stored profile; raises NotReady at once where there is none yet."""
    try:
        return services.profile_of(dataset, seconds=0)
    except NotReady as error:
        percent = error.percent or 0
    done = percent * dataset.total_examples // 100
    unit = row_name_of(dataset.container)
    raise NotReady(
        f"Checking {unit} {done:,} of {dataset.total_examples:,} of "
        f"{dataset.filename} ({percent}%).",
        results.RETRY_AFTER_SECONDS,
        percent=percent,
        dataset_id=str(dataset.pk),
    )


def insights_now(dataset: Dataset) -> dict[str, Any]:
    """The insights, started by the first request. Raises NotReady at once while a
    worker computes those of a large dataset."""
    profile_now(dataset)
    try:
        return services.insights_of(dataset, seconds=0)
    except NotReady as error:
        percent = error.percent or 0
    raise NotReady(
        f"Looking closer at {dataset.filename}: {percent}% done.",
        results.RETRY_AFTER_SECONDS,
        percent=percent,
        dataset_id=str(dataset.pk),
    )


def languages_known(dataset: Dataset) -> dict[str, int]:
    """Number of rows by language, where the insights are computed; never waits."""
    found = services.stored_insights(dataset)
    return dict(found["languages"]) if found else {}


def issue_groups(dataset: Dataset) -> list[IssueGroup]:
    """Faults by kind, the most frequent first, each with its first example."""
    ordered = sorted(groups_of(dataset.problem_groups), key=lambda group: -group.rows)
    return [
        IssueGroup(
            kind=group.kind,
            title=KINDS[group.kind].title,
            rows=group.rows,
            problems=group.problems,
            left_out=group.left_out,
            first_lines=group.first_lines,
            example=_first_problem(dataset, group) if at < SHOWN_GROUPS else {},
        )
        for at, group in enumerate(ordered)
    ]


def _first_problem(dataset: Dataset, group: Group) -> dict[str, Any]:
    if group.first is not None:
        return {**to_builtins(group.first), "sentence": str(group.first)}
    # Older releases stored no first problem.
    found = services.problems_of(dataset, kind=group.kind, page=1, page_size=1)
    return found.problems[0]


@dataclass(frozen=True)
class ProblemList:
    found: services.Problems
    kind: str | None
    page: int

    @property
    def previous(self) -> int | None:
        return self.page - 1 if self.page > 1 else None

    @property
    def next(self) -> int | None:
        more = self.page * PROBLEMS_PER_PAGE < self.found.listed_count
        return self.page + 1 if more else None


def list_problems(dataset: Dataset, kind: str | None, page: int) -> ProblemList:
    found = services.problems_of(
        dataset, kind=kind, page=page, page_size=PROBLEMS_PER_PAGE
    )
    return ProblemList(found, kind, page)


@dataclass(frozen=True)
class DataPage:
    """Everything that the page of a dataset shows."""

    profile: Profile
    report: ProfileView
    groups: list[IssueGroup]
    safe: fix_options.FixOption | None
    copies: fix_options.FixOption
    repairs: list[fix_options.FixOption]
    wanted: RowFilter
    found: Rows


def data_page(dataset: Dataset, wanted: RowFilter) -> DataPage:
    profile = profile_now(dataset)
    groups = issue_groups(dataset)
    evidence = fix_options.Found(
        kinds=frozenset(group.kind for group in groups),
        copies=profile.duplicates,
        system_rows=profile.system_examples,
    )
    return DataPage(
        profile=profile,
        report=report(profile),
        groups=groups,
        safe=fix_options.safe_fixes(evidence),
        copies=fix_options.plain("drop_exact_duplicates"),
        repairs=list(fix_options.general(evidence)),
        wanted=wanted,
        found=find_rows(dataset, wanted),
    )
