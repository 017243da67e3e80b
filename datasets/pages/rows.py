"""The rows of a dataset: by page, by search and filter, and a single row."""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any, BinaryIO

import numpy as np
from django.conf import settings
from numpy.typing import NDArray

from datasets import services
from datasets.core import message_view as message_views
from datasets.core.analysis import example_index, language
from datasets.core.canonical import transcript
from datasets.core.conversation import whole_text
from datasets.core.faults.catalog import KINDS
from datasets.core.faults.fault import Fault
from datasets.core.tokenization.counter import counted
from datasets.core.validation.batch import issues_of
from datasets.core.validation.content import review
from datasets.core.validation.decoding import parse
from datasets.models import Dataset
from datasets.storage.files import damaged, read_example, read_line
from datasets.work.limits import run_bounded
from slmgen.errors import InvalidInput, NotFound

PAGE_ROWS = 10
FIRST_RECORDS = 2 * PAGE_ROWS  # first read of the index; later reads grow
SECONDS_TO_SEARCH = 1.5  # then the page shows how far it came
COPIES = "duplicates"
SHOWN_COPIES = 10
SHOWN_CHARACTERS = 200_000  # of one row on its own page
LISTED_CHARACTERS = 5_000  # of each row in a list, before the last message shown
FOLDED_CHARACTERS = 1_500  # of each message in a list, in the part shown on demand


@dataclass(frozen=True)
class RowFilter:
    """Which rows to show. Rows count from 1, as lines of a file do."""

    row: int = 1  # the first one
    text: str = ""
    role: str = ""
    issue: str = ""
    language: str = ""  # a language code of the insights
    min_tokens: int = 0
    max_tokens: int | None = None

    @property
    def is_filtered(self) -> bool:
        return self != RowFilter(row=self.row)

    @property
    def must_be_read(self) -> bool:
        reads = self.text or self.role or self.language
        return bool(reads or (self.issue and self.issue != COPIES))


@dataclass(frozen=True)
class RowView:
    number: int
    tokens: int
    message_views: list[message_views.MessageView]
    more_messages: int
    tools: str  # definitions, as JSON
    copy_of: int | None  # number of the first identical row


@dataclass(frozen=True)
class Rows:
    rows: list[RowView]
    total: int
    first: int  # as requested
    next: int | None  # where to continue; None at the end
    is_cut: bool  # the time was up before the page was full

    @property
    def previous(self) -> int:
        return max(self.first - PAGE_ROWS, 1)


def find_rows(dataset: Dataset, wanted: RowFilter) -> Rows:
    """A page of matching rows. Raises InvalidInput for an unknown issue."""
    if wanted.issue not in {"", COPIES, *KINDS}:
        raise InvalidInput("There is no such kind of issue; choose one from the list.")
    with (
        services.opened_index(dataset) as file,
        services.open_examples(dataset) as examples,
    ):
        chunks = example_index.chunks(
            file, wanted.row - 1, dataset.total_examples, FIRST_RECORDS
        )
        found, next_place = _search(examples, chunks, wanted)
        rows = [_row(examples, place, record) for place, record in found]
    return Rows(
        rows=rows,
        total=dataset.total_examples,
        first=wanted.row,
        next=None if next_place is None else next_place + 1,
        is_cut=next_place is not None and len(rows) < PAGE_ROWS,
    )


def _candidates(
    start: int, records: NDArray[np.void], wanted: RowFilter
) -> NDArray[np.intp]:
    """Positions of the records that match by the index alone."""
    kept = records["tokens"] >= wanted.min_tokens
    if wanted.max_tokens is not None:
        kept &= records["tokens"] <= wanted.max_tokens
    if wanted.issue == COPIES:
        kept &= records["first"] != start + np.arange(len(records))
    return np.flatnonzero(kept)


def _search(
    examples: BinaryIO,
    chunks: Iterable[tuple[int, NDArray[np.void]]],
    wanted: RowFilter,
) -> tuple[list[tuple[int, Any]], int | None]:
    """The first matching rows with their records, and where to continue, if there may
    be more. Reads only as much of the index as needed."""
    found: list[tuple[int, Any]] = []
    deadline = time.monotonic() + SECONDS_TO_SEARCH
    for start, records in chunks:
        if time.monotonic() > deadline:
            return found, start
        for at in map(int, _candidates(start, records, wanted)):
            if len(found) == PAGE_ROWS or time.monotonic() > deadline:
                return found, start + at
            if not wanted.must_be_read or _fits(
                read_line(examples, records[at]), wanted
            ):
                found.append((start + at, records[at]))
    return found, None


def _fits(line: bytes, wanted: RowFilter) -> bool:
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
    if wanted.issue not in {"", COPIES} and all(
        fault.kind != wanted.issue for fault in review(conversation, line)
    ):
        return False
    return not wanted.language or language_of(line) == wanted.language


def language_of(line: bytes) -> str:
    return language.guess(whole_text(transcript(line))).language


def _row(examples: BinaryIO, place: int, record: Any) -> RowView:
    value = read_example(examples, record)
    fit = _as_many_as_fit(value["messages"], LISTED_CHARACTERS)
    most = min(fit + 1, message_views.SHOWN_MESSAGES)
    return _shown(value, place, record, most, FOLDED_CHARACTERS)


def _shown(
    value: dict[str, Any], place: int, record: Any, most: int, folded: int
) -> RowView:
    messages = value["messages"][:most]
    first, tools = int(record["first"]), value.get("tools")
    return RowView(
        number=place + 1,
        tokens=int(record["tokens"]),
        message_views=turns(messages, folded),
        more_messages=len(value["messages"]) - len(messages),
        tools=message_views.pretty(tools) if tools else "",
        copy_of=None if first == place else first + 1,
    )


def turns(
    messages: list[dict[str, Any]], folded: int = message_views.FOLDED_CHARACTERS
) -> list[message_views.MessageView]:
    """Messages for display, each with its token count."""
    texts = [message_views.text_of(message) for message in messages]
    count = partial(
        counted, name=settings.SLMGEN_ENCODING, library=settings.SLMGEN_TOKENIZER
    )
    tokens = run_bounded(count, texts, size=sum(map(len, texts)))
    return [
        message_views.message_view(message, count, folded)
        for message, count in zip(messages, tokens, strict=True)
    ]


@dataclass(frozen=True)
class RowInFull:
    """Everything about one row."""

    row: RowView
    value: dict[str, Any]  # as stored
    issues: list[str]
    size: int  # bytes
    language: str
    copies: list[int]  # numbers of the first later identical rows
    total: int

    @property
    def previous(self) -> int | None:
        return self.row.number - 1 if self.row.number > 1 else None

    @property
    def next(self) -> int | None:
        return self.row.number + 1 if self.row.number < self.total else None


def row_in_full(dataset: Dataset, number: int) -> RowInFull:
    """Raises NotFound past the end."""
    if not 0 < number <= dataset.total_examples:
        raise NotFound(
            f"There is no row {number:,}: these data have "
            f"{dataset.total_examples:,}, counted from 1."
        )
    place = number - 1
    with services.opened_index(dataset) as file:
        record = example_index.read_records(file, place, 1)[0]
        copies = example_index.later_copies(file, place, record, SHOWN_COPIES)
    with services.open_examples(dataset) as examples:
        value = read_example(examples, record)
        line = read_line(examples, record)
    return RowInFull(
        row=_in_full(value, place, record),
        value=value,
        issues=run_bounded(issues_of, line, size=len(line)),
        size=len(line),
        language=language_of(line),
        copies=[at + 1 for at in copies],
        total=dataset.total_examples,
    )


def _in_full(value: dict[str, Any], place: int, record: Any) -> RowView:
    most = _as_many_as_fit(value["messages"], SHOWN_CHARACTERS)
    return _shown(value, place, record, most, SHOWN_CHARACTERS)


def _as_many_as_fit(messages: list[dict[str, Any]], characters: int) -> int:
    """How many of the messages fit in `characters`, at least one."""
    ends = np.cumsum([len(message_views.text_of(message)) for message in messages])
    return max(int((ends <= characters).sum()), 1)
