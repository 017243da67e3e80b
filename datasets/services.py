import uuid
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from msgspec import to_builtins
from numpy.typing import NDArray

from datasets import engine, work
from datasets.bounds import run_bounded
from datasets.core import columns, index, problems, tokens
from datasets.core.export import FORMS
from datasets.core.filenames import clean_filename
from datasets.core.ingest import sample
from datasets.core.kinds import KINDS
from datasets.core.profile import Profile
from datasets.files import (
    open_file,
    opened,
    read_example,
    verified,
    verified_file,
)
from datasets.models import AnyUser, Dataset, Kind, State, WorkItem
from datasets.repairing import Repaired, repair_dataset, repairs_of
from datasets.tasks import exported
from datasets.versions import Origin, keep, limits
from slmgen.audit.services import audit
from slmgen.errors import InvalidInput, NotFound
from slmgen.sentences import named_one_of, shown


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
    dataset = keep(file.file, origin, layout)  # type: ignore[arg-type]  # a binary file in every upload handler
    audit(owner, "upload", dataset)
    return dataset


def rename_dataset(dataset: Dataset, filename: str, *, by: AnyUser) -> Dataset:
    """The name is cleaned as that of an upload; the file keeps its address."""
    dataset.filename = clean_filename(filename)
    dataset.save(update_fields=("filename",))
    audit(by, "rename", dataset)
    return dataset


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
        shown = run_bounded(sample, file, limits(), layout, size=dataset.size)
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
            f"session_id is {shown(value)}; expected the UUID that /upload answered."
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
    return Profile(**work.finished(work.analysis_of(dataset)).result)


def insights_of(dataset: Dataset) -> dict[str, Any]:
    """What a closer look tells. It begins when first asked for: small datasets are
    looked at now, large ones by the worker."""
    profile_of(dataset)
    item = engine.ask_for(dataset, Kind.INSIGHTS)
    if work.is_small(dataset):
        work.do_now(item)
    report: dict[str, Any] = work.finished(item).result
    return report


def stored_profile(dataset: Dataset) -> Profile | None:
    """The profile if it is there already; never waits."""
    items = WorkItem.objects.filter(dataset=dataset, kind=Kind.ANALYSIS)
    item = items.filter(state=State.DONE).first()
    return Profile(**item.result) if item is not None else None


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


def tokens_of(dataset: Dataset) -> NDArray[np.unsignedinteger]:
    """Of each example, in the order of the file."""
    with opened_index(dataset) as file:
        records = index.read_records(file, 0, dataset.total_examples)
    tokens: NDArray[np.unsignedinteger] = records["tokens"]
    return tokens


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
        raise InvalidInput(named_one_of("kind", kind, KINDS))
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


def open_verified_file(dataset: Dataset) -> BinaryIO:
    """The examples, after their checksum was found to be what it was."""
    return verified_file(dataset.examples_key, dataset.examples_sha256)


@contextmanager
def open_verified_examples(dataset: Dataset) -> Iterator[BinaryIO]:
    """The same for a while."""
    with verified(dataset.examples_key, dataset.examples_sha256) as file:
        yield file


def repair(
    dataset: Dataset, wanted: list[dict[str, Any]], *, dry_run: bool
) -> Repaired:
    """Each of `wanted` has a kind and what it is about; the order matters."""
    profile_of(dataset)  # near duplicates are looked for by the index
    repairs = repairs_of(wanted)
    if dry_run or work.is_small(dataset):
        return repair_dataset(dataset, repairs, dry_run=dry_run)
    item = work.done(dataset, Kind.REPAIR, {"repairs": wanted})
    made = Dataset.objects.filter(pk=item.result["dataset"]).first()
    if made is None:  # the new version was deleted since
        engine.restart(item)
        made = Dataset.objects.get(pk=work.finished(item).result["dataset"])
    return Repaired(made, item.result["report"])


def export_dataset(dataset: Dataset, form: str) -> BinaryIO:
    """An open file; one that was made for this has no name and is gone when closed."""
    if form not in FORMS:
        raise InvalidInput(named_one_of("format", form, FORMS))
    if form == "jsonl":
        return open_verified_file(dataset)
    if not work.is_small(dataset):
        profile_of(dataset)
        return open_file(work.done(dataset, Kind.EXPORT, {"format": form}).file)
    return exported(dataset, form)


def export_name(dataset: Dataset, form: str) -> str:
    suffix = form if form in {"jsonl", "parquet"} else f"{form}.jsonl"
    return f"{dataset.id}.{suffix}"
