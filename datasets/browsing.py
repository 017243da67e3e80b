"""Looking at the rows of a dataset: page by page, by search, by filter, by fault."""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import numpy as np
from django.conf import settings
from numpy.typing import NDArray

from datasets import engine, services, work
from datasets.core import bubbles, index
from datasets.core.faults import Fault
from datasets.core.kinds import KINDS
from datasets.core.profile import Profile
from datasets.core.reading import parse
from datasets.core.report import Report, report
from datasets.core.review import review
from datasets.core.tokens import token_counter
from datasets.files import damaged, read_example, read_line
from datasets.models import ACTIVE, Dataset, Kind
from slmgen.errors import InvalidInput, NotReady

PAGE_ROWS = 10
PROBLEMS_PER_PAGE = 50
SHOWN_GROUPS = 12
SECONDS_TO_SEARCH = 1.5  # after which the page says how far it came
COPIES = "duplicates"


@dataclass(frozen=True)
class Wanted:
    """Which rows to show. Rows count from 1, as the lines of a file do."""

    row: int = 1  # where to begin
    text: str = ""
    role: str = ""
    issue: str = ""
    min_tokens: int = 0
    max_tokens: int | None = None

    @property
    def is_filtered(self) -> bool:
        return self != Wanted(row=self.row)

    @property
    def must_be_read(self) -> bool:
        return bool(self.text or self.role or (self.issue and self.issue != COPIES))


@dataclass(frozen=True)
class Row:
    number: int
    tokens: int
    bubbles: list[bubbles.Bubble]
    more_messages: int
    tools: str  # definitions, as JSON
    copy_of: int | None  # number of the first identical row


@dataclass(frozen=True)
class Rows:
    rows: list[Row]
    total: int
    first: int  # what was asked for
    next: int | None  # where to look on
    is_cut: bool  # the time was up before the page was full

    @property
    def previous(self) -> int:
        return max(self.first - PAGE_ROWS, 1)


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
        """Whether rows with it are among the examples."""
        return self.left_out < self.problems


def profile_now(dataset: Dataset) -> Profile:
    """The stored profile; raises NotReady at once where there is none yet."""
    profile = services.stored_profile(dataset)
    if profile is not None:
        return profile
    try:
        return Profile(**work.finished(work.analysis_of(dataset), seconds=0).result)
    except NotReady:
        progress = work.analysis_of(dataset).progress
    done = progress * dataset.total_examples // 100
    raise NotReady(
        f"Checking {dataset.filename}: row {done:,} of {dataset.total_examples:,} "
        f"({progress}%).",
        work.RETRY_AFTER_SECONDS,
        str(dataset.pk),
    )


def insights_now(dataset: Dataset) -> dict[str, Any]:
    """The closer look, begun where nobody has asked for it before; for a large dataset
    NotReady is raised at once until the worker has finished."""
    profile_now(dataset)
    item = engine.ask_for(dataset, Kind.INSIGHTS)
    if work.is_small(dataset) or item.state not in ACTIVE:
        return services.insights_of(dataset)
    raise NotReady(
        f"Looking closer at {dataset.filename}: {item.progress}% done.",
        work.RETRY_AFTER_SECONDS,
        str(dataset.pk),
    )


def issue_groups(dataset: Dataset) -> list[IssueGroup]:
    """The faults by kind, the most frequent first, each with its first example."""
    groups = services.problems_of(dataset, kind=None, page=1, page_size=1).kinds
    ordered = sorted(groups, key=lambda group: -group["rows"])
    return [
        IssueGroup(
            kind=group["kind"],
            title=group["title"],
            rows=group["rows"],
            problems=group["problems"],
            left_out=group["left_out"],
            first_lines=group["first_lines"],
            example=_first_problem(dataset, group["kind"]) if at < SHOWN_GROUPS else {},
        )
        for at, group in enumerate(ordered)
    ]


def _first_problem(dataset: Dataset, kind: str) -> dict[str, Any]:
    return services.problems_of(dataset, kind=kind, page=1, page_size=1).problems[0]


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
        more = self.page * PROBLEMS_PER_PAGE < self.found.total_count
        return self.page + 1 if more else None


def list_problems(dataset: Dataset, kind: str | None, page: int) -> ProblemList:
    found = services.problems_of(
        dataset, kind=kind, page=page, page_size=PROBLEMS_PER_PAGE
    )
    return ProblemList(found, kind, page)


def rows_longer_than(dataset: Dataset, tokens: int) -> int:
    with services.opened_index(dataset) as file:
        records = np.frombuffer(file.read(), index.RECORD)
    return int((records["tokens"] > tokens).sum())


@dataclass(frozen=True)
class DataPage:
    """What the page of a dataset shows."""

    profile: Profile
    report: Report
    groups: list[IssueGroup]
    wanted: Wanted
    found: Rows


def data_page(dataset: Dataset, wanted: Wanted) -> DataPage:
    profile = profile_now(dataset)
    return DataPage(
        profile=profile,
        report=report(profile),
        groups=issue_groups(dataset),
        wanted=wanted,
        found=find_rows(dataset, wanted),
    )


def find_rows(dataset: Dataset, wanted: Wanted) -> Rows:
    """A page of the rows that are wanted. Raises InvalidInput for an unknown issue."""
    if wanted.issue not in {"", COPIES, *KINDS}:
        raise InvalidInput("There is no such kind of issue; choose one from the list.")
    with services.opened_index(dataset) as file:
        records = np.frombuffer(file.read(), index.RECORD)
    places = _candidates(records, wanted)
    with services.open_examples(dataset) as examples:
        found, next_place = _search(examples, records, places, wanted)
        rows = [_row(examples, records, place) for place in found]
    return Rows(
        rows=rows,
        total=dataset.total_examples,
        first=wanted.row,
        next=None if next_place is None else next_place + 1,
        is_cut=next_place is not None and len(rows) < PAGE_ROWS,
    )


def _candidates(records: NDArray[np.void], wanted: Wanted) -> NDArray[np.intp]:
    """What the index alone can tell."""
    kept = records["tokens"] >= wanted.min_tokens
    if wanted.max_tokens is not None:
        kept &= records["tokens"] <= wanted.max_tokens
    if wanted.issue == COPIES:
        kept &= records["first"] != np.arange(len(records))
    kept[: wanted.row - 1] = False
    return np.flatnonzero(kept)


def _search(
    examples: BinaryIO,
    records: NDArray[np.void],
    places: Iterable[np.intp],
    wanted: Wanted,
) -> tuple[list[int], int | None]:
    """The first rows that fit, and where to look on when there may be more."""
    found: list[int] = []
    deadline = time.monotonic() + SECONDS_TO_SEARCH
    for place in map(int, places):
        if len(found) == PAGE_ROWS or time.monotonic() > deadline:
            return found, place
        if not wanted.must_be_read or _fits(_line(examples, records, place), wanted):
            found.append(place)
    return found, None


def _line(examples: BinaryIO, records: NDArray[np.void], place: int) -> bytes:
    return read_line(examples, records[place])


def _fits(line: bytes, wanted: Wanted) -> bool:
    try:
        conversation = parse(line)
    except Fault:
        raise damaged() from None
    turns = conversation.messages
    if wanted.role and all(turn.role != wanted.role for turn in turns):
        return False
    needle = wanted.text.casefold()
    if needle and not any(needle in turn.text.casefold() for turn in turns):
        return False
    if not wanted.issue or wanted.issue == COPIES:
        return True
    return any(fault.kind == wanted.issue for fault in review(conversation, line))


def _row(examples: BinaryIO, records: NDArray[np.void], place: int) -> Row:
    value = read_example(examples, records[place])
    messages = value["messages"][: bubbles.SHOWN_MESSAGES]
    first, tools = int(records[place]["first"]), value.get("tools")
    return Row(
        number=place + 1,
        tokens=int(records[place]["tokens"]),
        bubbles=turns(messages),
        more_messages=len(value["messages"]) - len(messages),
        tools=bubbles.pretty(tools) if tools else "",
        copy_of=None if first == place else first + 1,
    )


def turns(messages: list[dict[str, Any]]) -> list[bubbles.Bubble]:
    """Messages as they are read by people, each with its tokens."""
    count = token_counter(settings.SLMGEN_ENCODING, settings.SLMGEN_TOKENIZER)
    tokens = count([bubbles.text_of(message) for message in messages])
    return list(map(bubbles.bubble, messages, tokens))
