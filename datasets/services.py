import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from tempfile import TemporaryFile
from typing import Any, BinaryIO, cast

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from msgspec import to_builtins

from datasets import tasks
from datasets.core import columns, index, problems, tokens
from datasets.core.export import export
from datasets.core.filenames import clean_filename
from datasets.core.ingest import sample
from datasets.core.kinds import KINDS
from datasets.core.profile import Profile
from datasets.core.repairs import repair_of
from datasets.files import discard, opened, read_example, verified
from datasets.models import Analysis, AnyUser, Dataset, Insight, State
from datasets.repairing import Repaired, repair_dataset
from datasets.versions import Origin, keep, limits
from slmgen.errors import Conflict, InvalidInput, NotFound, NotReady

SECONDS_BETWEEN_LOOKS = 0.1
RETRY_AFTER_SECONDS = 5


@dataclass(frozen=True)
class Example:
    index: int
    messages: list[dict[str, Any]]
    token_count: int


def count_tokens(text: str) -> int:
    """As every figure is counted: encoding and library are settings."""
    counter = tokens.token_counter(settings.SLMGEN_ENCODING, settings.SLMGEN_TOKENIZER)
    return counter([text])[0]


def upload_dataset(
    *,
    file: "UploadedFile[bytes]",
    owner: AnyUser,
    mapping: Mapping[str, Any] | None = None,
) -> Dataset:
    """Reads, checks and keeps an uploaded file: all of it, or nothing of it."""
    layout = columns.mapped(mapping) if mapping is not None else None
    origin = Origin(
        clean_filename(file.name or ""), owner.pk if owner.is_authenticated else None
    )
    return keep(file.file, origin, layout)  # type: ignore[arg-type]  # a binary file in every upload handler


def map_dataset(dataset: Dataset, mapping: Mapping[str, Any]) -> Dataset:
    """A new version of `dataset`: the same upload, read with other columns."""
    origin = Origin(dataset.filename, dataset.owner_id, dataset)
    with verified(dataset.original_key, dataset.sha256) as file:
        return keep(file, origin, columns.mapped(mapping))


@dataclass(frozen=True)
class Mapped:
    """How the rows of an upload are read, shown on one of them."""

    container: str
    form: str
    guessed: bool
    columns: list[str]
    mapping: dict[str, str]
    source_row: dict[str, Any]
    example: dict[str, Any]


def mapping_of(dataset: Dataset, mapping: Mapping[str, Any] | None = None) -> Mapped:
    """The mapping in use, or what `mapping` would make of the first good row."""
    used = columns.Columns(**dataset.columns)
    layout = columns.Layout(dataset.form, used, dataset.columns_guessed)
    if mapping is not None:
        layout = columns.mapped(mapping)
    with opened(dataset.original_key, dataset.size) as file:
        shown = sample(file, limits(), layout)
    return Mapped(
        container=dataset.container,
        form=layout.form,
        guessed=layout.guessed,
        columns=list(shown.row),
        mapping=layout.columns.named,
        source_row=shown.row,
        example=shown.example,
    )


def parse_id(value: str) -> uuid.UUID:
    """A session id from a request's body, where a malformed one is the sender's."""
    try:
        return uuid.UUID(value)
    except ValueError:
        raise InvalidInput(
            f"session_id is {value!r}; expected the UUID that /upload answered."
        ) from None


def find_dataset(dataset_id: str | uuid.UUID, *, user: AnyUser) -> Dataset:
    missing = NotFound("There is no dataset with this id; upload one to /upload.")
    try:
        key = uuid.UUID(str(dataset_id))
    except ValueError:
        raise missing from None
    dataset = Dataset.objects.visible_to(user).filter(pk=key).first()
    if dataset is None:
        raise missing
    return dataset


def profile_of(dataset: Dataset) -> Profile:
    """The stored profile; waits for a running analysis, then raises NotReady."""
    row = _finished(Analysis, dataset, "Analysis")
    return Profile(**row.profile)


def insights_of(dataset: Dataset) -> dict[str, Any]:
    """What a closer look tells. It begins when first asked for: small datasets are
    looked at now, large ones by the worker."""
    profile_of(dataset)
    Insight.objects.get_or_create(dataset=dataset)
    if dataset.examples_bytes <= settings.SLMGEN_INLINE_ANALYSIS_BYTES:
        row = Insight.objects.claimable().filter(dataset=dataset).first()
        claim = tasks.claim_row(row) if row is not None else None
        if claim is not None:
            tasks.run(claim)
    report: dict[str, Any] = _finished(Insight, dataset, "The closer look").report
    return report


def _finished(kind: type[Analysis] | type[Insight], dataset: Dataset, name: str) -> Any:
    deadline = time.monotonic() + settings.SLMGEN_ANALYSIS_WAIT_SECONDS
    while True:
        row = kind.objects.get(dataset=dataset)
        if row.state == State.DONE:
            return row
        if row.state == State.FAILED:
            raise Conflict(f"{name} of this dataset failed; upload it again.")
        if time.monotonic() >= deadline:
            raise NotReady(
                f"{name} is {row.progress}% done; try again in "
                f"{RETRY_AFTER_SECONDS} seconds.",
                RETRY_AFTER_SECONDS,
            )
        time.sleep(SECONDS_BETWEEN_LOOKS)


def stored_profile(dataset: Dataset) -> Profile | None:
    """The profile if it is there already; never waits."""
    analysis = Analysis.objects.filter(dataset=dataset, state=State.DONE).first()
    return Profile(**analysis.profile) if analysis and analysis.profile else None


def examples_page(dataset: Dataset, *, page: int, page_size: int) -> list[Example]:
    """One page of examples; pages count from 1, one past the end is empty."""
    start = (page - 1) * page_size
    if start >= dataset.total_examples:
        return []
    with opened_index(dataset) as file:
        records = index.read_records(file, start, page_size)
    with open_examples(dataset) as file:
        return [
            _example(file, start + place, record)
            for place, record in enumerate(records)
        ]


def _example(file: BinaryIO, position: int, record: Any) -> Example:
    value = read_example(file, record)
    return Example(position, value["messages"], int(record["tokens"]))


def duplicates_of(dataset: Dataset) -> list[int]:
    with opened_index(dataset) as file:
        return index.duplicates(file)


def opened_index(dataset: Dataset) -> AbstractContextManager[BinaryIO]:
    return opened(dataset.index_key, dataset.total_examples * index.RECORD.itemsize)


@dataclass(frozen=True)
class Problems:
    kinds: list[dict[str, Any]]
    problems: list[dict[str, Any]]
    total_count: int


def problems_of(
    dataset: Dataset, *, kind: str | None, page: int, page_size: int
) -> Problems:
    """A page of everything that is wrong with the upload, of one kind or of all."""
    groups = dataset.problem_groups
    kinds = [group["kind"] for group in groups]
    if kind is not None and kind not in KINDS:
        raise InvalidInput(
            f"kind is {kind!r}, which is none; known are {', '.join(KINDS)}."
        )
    shown = [{**group, "title": KINDS[group["kind"]]} for group in groups]
    if not groups or (kind is not None and kind not in kinds):
        return Problems(shown, [], 0)
    with (
        opened(dataset.problems_key) as lines,
        opened(dataset.problem_index_key) as places,
    ):
        found = problems.read_page(
            lines,
            places,
            kind=None if kind is None else kinds.index(kind),
            start=(page - 1) * page_size,
            count=page_size,
        )
    listed = [
        {**to_builtins(problem), "sentence": str(problem)} for problem in found.problems
    ]
    return Problems(shown, listed, found.total_count)


@contextmanager
def open_examples(dataset: Dataset) -> Iterator[BinaryIO]:
    """The canonical examples: one conversation a line, as it was uploaded."""
    with opened(dataset.examples_key, dataset.examples_bytes) as file:
        yield file


@contextmanager
def open_verified_examples(dataset: Dataset) -> Iterator[BinaryIO]:
    """The same, after their checksum was found to be what it was."""
    with verified(dataset.examples_key, dataset.examples_sha256) as file:
        yield file


def delete_dataset(dataset: Dataset) -> None:
    """The row goes first: a row never points to files that are gone."""
    with transaction.atomic():
        Dataset.objects.filter(pk=dataset.pk).delete()
        discard(dataset.keys)


def repair(
    dataset: Dataset, wanted: list[dict[str, Any]], *, dry_run: bool
) -> Repaired:
    """Each of `wanted` has a kind and what it is about; the order matters."""
    profile_of(dataset)  # near duplicates are looked for by the index
    repairs = tuple(
        repair_of(one["kind"], one.get("faults", []), one.get("roles", {}))
        for one in wanted
    )
    return repair_dataset(dataset, repairs, dry_run=dry_run)


def export_dataset(dataset: Dataset, form: str) -> BinaryIO:
    """An open file without a name: it is gone when it is closed."""
    with ExitStack() as stack:
        folder = settings.FILE_UPLOAD_TEMP_DIR
        target = stack.enter_context(TemporaryFile(dir=folder))
        with open_verified_examples(dataset) as examples:
            export(examples, cast("BinaryIO", target), form)
        target.seek(0)
        stack.pop_all()  # the caller closes it
        return cast("BinaryIO", target)
