import uuid
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, BinaryIO

import msgspec
import numpy as np
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from msgspec import to_builtins
from numpy.typing import NDArray

from datasets.core.analysis import example_index
from datasets.core.analysis.profile import Profile, loaded_profile
from datasets.core.exports.export import FORMS
from datasets.core.faults.catalog import KINDS
from datasets.core.fixes.operations import Repair
from datasets.core.fixes.preview import PREVIEW_VERSION, Preview
from datasets.core.ingestion import problem_log
from datasets.core.ingestion.filename import clean_filename
from datasets.core.ingestion.ingest import sample
from datasets.core.layouts import columns
from datasets.core.tokenization import counter as tokens
from datasets.handlers.analysis import exported, open_index
from datasets.handlers.fix import Repaired, repair_dataset
from datasets.models import AnyUser, Dataset, Kind, WorkItem
from datasets.storage.files import (
    open_file,
    opened,
    read_example,
    verified,
    verified_file,
)
from datasets.storage.retention import delete_dataset, with_versions
from datasets.uploads import Origin, limits, store_upload
from datasets.work import engine, results
from datasets.work.limits import run_bounded
from slmgen.audit.services import audit
from slmgen.error_text import named_one_of, shown
from slmgen.errors import Conflict, InvalidInput, NotFound

MAX_REPAIRS = 20  # of one request
MAX_SHOWN_COLUMNS = 500  # in a list for each part of the mapping


@dataclass(frozen=True)
class Example:
    index: int
    messages: list[dict[str, Any]]
    token_count: int


def count_tokens(text: str) -> int:
    """Counts tokens with the configured encoding and library, as all figures are."""
    counter = tokens.token_counter(settings.SLMGEN_ENCODING, settings.SLMGEN_TOKENIZER)
    return counter([text])[0]


def upload_dataset(
    *,
    file: "UploadedFile[bytes]",
    owner: AnyUser,
    mapping: Mapping[str, Any] | None = None,
) -> Dataset:
    """Ingests and stores an uploaded file: everything, or nothing."""
    layout = columns.mapped(mapping) if mapping is not None else None
    origin = Origin(
        clean_filename(file.name or ""), owner.pk if owner.is_authenticated else None
    )
    on_commit_row = partial(audit, owner, "upload")  # all or nothing: the record too
    return store_upload(file.file, origin, layout, on_commit_row)  # type: ignore[arg-type]  # a binary file in every upload handler


def rename_dataset(dataset: Dataset, filename: str, *, by: AnyUser) -> Dataset:
    """Cleans the name as that of an upload; the URL of the dataset stays."""
    dataset.filename = clean_filename(filename)
    dataset.save(update_fields=("filename",))
    audit(by, "rename", dataset)
    return dataset


def map_dataset(dataset: Dataset, mapping: Mapping[str, Any]) -> Dataset:
    """A new version of `dataset`: the same upload, read with another mapping of
    columns."""
    origin = Origin(dataset.filename, dataset.owner_id, dataset)
    with verified(dataset.original_key, dataset.sha256) as file:
        return store_upload(file, origin, columns.mapped(mapping))


@dataclass(frozen=True)
class Mapped:
    """A mapping of columns, and its effect on one row."""

    container: str
    form: str
    guessed: bool
    columns: list[str]
    mapping: dict[str, str]
    source_row: dict[str, Any]
    example: dict[str, Any]


def mapping_of(dataset: Dataset, mapping: Mapping[str, Any] | None = None) -> Mapped:
    """The mapping in use, or the effect of `mapping` on the first valid row."""
    used = columns.stored_columns(dataset.columns)
    layout = columns.Layout(dataset.form, used, dataset.columns_guessed)
    if mapping is not None:
        layout = columns.mapped(mapping)
    with opened(dataset.original_key, dataset.size) as file:
        shown = run_bounded(sample, file, limits(), layout, size=dataset.size)
    return Mapped(
        container=dataset.container,
        form=layout.form,
        guessed=layout.guessed,
        columns=list(shown.row)[:MAX_SHOWN_COLUMNS],
        mapping=layout.columns.named,
        source_row=shown.row,
        example=shown.example,
    )


def parse_id(value: str) -> uuid.UUID:
    """A dataset id from a request body, where a malformed one is invalid input."""
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


def profile_of(dataset: Dataset, *, seconds: float | None = None) -> Profile:
    """The stored profile. Waits for a running analysis, up to `seconds`, then raises
    NotReady."""
    return _profile_in(results.analyzed(dataset, seconds=seconds))


def _profile_in(item: WorkItem) -> Profile:
    profile = loaded_profile(item.result)
    if profile is None:  # a server of another release has just written it
        raise Conflict("The analysis is by another release; try again.")
    return profile


def insights_of(dataset: Dataset, *, seconds: float | None = None) -> dict[str, Any]:
    """The insights, started by the first request: on small datasets computed now, on
    large ones by a worker. Raises NotReady while they are not done."""
    known = results.stored(dataset, Kind.INSIGHTS)
    if known is None:
        profile_of(dataset, seconds=seconds)
        known = results.done(dataset, Kind.INSIGHTS, seconds=seconds)
    report: dict[str, Any] = known.result
    return report


def stored_insights(dataset: Dataset) -> dict[str, Any] | None:
    """The insights, or None where they are not computed; never waits."""
    item = results.stored(dataset, Kind.INSIGHTS)
    return None if item is None else item.result


def stored_profile(dataset: Dataset) -> Profile | None:
    """The profile, or None where it is not computed; never waits."""
    item = results.stored(dataset, Kind.ANALYSIS)
    return None if item is None else loaded_profile(item.result)


@dataclass(frozen=True)
class ExamplesPage:
    size: int  # bytes of all of them
    examples: Iterator[Example]  # read one by one: each may have megabytes


def examples_page(
    dataset: Dataset, *, page: int, page_size: int, longest: int | None = None
) -> ExamplesPage:
    """A page of examples, without those of more than `longest` bytes. Pages count from
    1; one past the end is empty."""
    start = (page - 1) * page_size
    count = min(page_size, dataset.total_examples - start)
    if count <= 0:
        return ExamplesPage(0, iter(()))
    with opened_index(dataset) as file:
        records = example_index.read_records(file, start, count)
    places = np.arange(start, start + count)
    if longest is not None:
        kept = records["length"] <= longest
        records, places = records[kept], places[kept]
    examples = _examples(dataset, places.tolist(), records)
    return ExamplesPage(int(records["length"].sum()), examples)


def _examples(
    dataset: Dataset, places: list[int], records: NDArray[np.void]
) -> Iterator[Example]:
    with open_examples(dataset) as file:
        for place, record in zip(places, records, strict=True):
            yield _example(file, place, record)


def _example(file: BinaryIO, position: int, record: Any) -> Example:
    value = read_example(file, record)
    return Example(position, value["messages"], int(record["tokens"]))


@contextmanager
def opened_lengths(dataset: Dataset) -> Iterator[example_index.ExampleLengths]:
    """The table that says how many examples are longer than a limit; reads few blocks
    of it."""
    distinct = _profile_in(_analysis(dataset)).distinct_lengths
    with opened_index(dataset) as file:
        yield example_index.ExampleLengths(file, dataset.total_examples, distinct)


def rows_longer_than(dataset: Dataset, tokens: int) -> int:
    with opened_lengths(dataset) as lengths:
        return lengths.longer(tokens)


def duplicates_of(dataset: Dataset) -> list[int]:
    with opened_index(dataset) as file:
        return example_index.duplicates(file, dataset.total_examples)


def opened_index(dataset: Dataset) -> AbstractContextManager[BinaryIO]:
    """Raises Conflict before the analysis is done."""
    return open_index(_analysis(dataset))


def _analysis(dataset: Dataset) -> WorkItem:
    item = results.stored(dataset, Kind.ANALYSIS)
    if item is None:
        raise Conflict("This dataset is not analyzed yet; try again when it is.")
    return item


@dataclass(frozen=True)
class Problems:
    kinds: list[dict[str, Any]]
    problems: list[dict[str, Any]]
    total_count: int
    listed_count: int  # the rest is only counted


def problems_of(
    dataset: Dataset, *, kind: str | None, page: int, page_size: int
) -> Problems:
    """A page of the problems of the upload, of one kind or of all."""
    groups = problem_log.groups_of(dataset.problem_groups)
    kinds = [group.kind for group in groups]
    if kind is not None and kind not in KINDS:
        raise InvalidInput(named_one_of("kind", kind, KINDS))
    shown = [
        {**to_builtins(group), "title": KINDS[group.kind].title} for group in groups
    ]
    if not groups or (kind is not None and kind not in kinds):
        return Problems(shown, [], 0, 0)
    with (
        opened(dataset.problems_key) as lines,
        opened(dataset.problem_index_key) as places,
    ):
        found = problem_log.read_page(
            lines,
            places,
            groups,
            kind=None if kind is None else kinds.index(kind),
            start=(page - 1) * page_size,
            count=page_size,
        )
    listed = [
        {**to_builtins(problem), "sentence": str(problem)} for problem in found.problems
    ]
    total = sum(g.problems for g in groups if kind is None or g.kind == kind)
    return Problems(shown, listed, total, found.listed_count)


@contextmanager
def open_examples(dataset: Dataset) -> Iterator[BinaryIO]:
    """The examples file: one conversation a line."""
    with opened(dataset.examples_key, dataset.examples_bytes) as file:
        yield file


def open_verified_file(dataset: Dataset) -> BinaryIO:
    """The examples file, with its checksum verified. The caller closes it."""
    return verified_file(dataset.examples_key, dataset.examples_sha256)


@contextmanager
def open_verified_examples(dataset: Dataset) -> Iterator[BinaryIO]:
    """The examples file, with its checksum verified."""
    with verified(dataset.examples_key, dataset.examples_sha256) as file:
        yield file


def repair(dataset: Dataset, repairs: tuple[Repair, ...], *, dry_run: bool) -> Repaired:
    """Applies `repairs` in order. Raises InvalidInput for none or too many."""
    if dry_run:
        return Repaired(dataset, _previewed(dataset, repairs).result)
    payload = _repair_payload(repairs)
    profile_of(dataset)  # finding near-duplicates needs the index
    if results.is_small(dataset):
        return repair_dataset(dataset, repairs)
    item = results.done(dataset, Kind.REPAIR, payload)
    made = Dataset.objects.filter(pk=item.result["dataset"]).first()
    if made is None:  # the new version was deleted since
        engine.restart(item)
        made = Dataset.objects.get(pk=results.finished(item).result["dataset"])
    return Repaired(made, item.result["report"])


def preview_of(
    dataset: Dataset, repairs: tuple[Repair, ...], *, seconds: float | None = None
) -> Preview:
    """What `repairs` would change, with the first rows. Computed now on small datasets,
    by a worker on large ones; stored and used again."""
    item = _previewed(dataset, repairs, seconds=seconds)
    try:
        return _read_preview(item)
    except (Conflict, msgspec.DecodeError):  # its file is gone or damaged
        engine.restart(item, fence=item.fence)
    return _read_preview(_previewed(dataset, repairs, seconds=seconds))


def _read_preview(item: WorkItem) -> Preview:
    with opened(item.file, item.file_bytes) as file:
        return msgspec.json.decode(file.read(), type=Preview)


def _previewed(
    dataset: Dataset, repairs: tuple[Repair, ...], *, seconds: float | None = None
) -> WorkItem:
    payload = _preview_payload(repairs)
    profile_of(dataset, seconds=seconds)
    return results.done(dataset, Kind.PREVIEW, payload, seconds=seconds)


def _repair_payload(repairs: tuple[Repair, ...]) -> dict[str, Any]:
    if not 0 < len(repairs) <= MAX_REPAIRS:
        raise InvalidInput(
            f"repairs has {len(repairs):,} entries; name at least one and at most "
            f"{MAX_REPAIRS}."
        )
    return {"repairs": [asdict(repair) for repair in repairs]}


def _preview_payload(repairs: tuple[Repair, ...]) -> dict[str, Any]:
    return {**_repair_payload(repairs), "version": PREVIEW_VERSION}


def is_preview_known(dataset: Dataset, repairs: tuple[Repair, ...]) -> bool:
    """Whether the preview was requested before, so that showing it costs nothing."""
    return engine.is_enqueued(dataset, Kind.PREVIEW, _preview_payload(repairs))


def export_dataset(dataset: Dataset, form: str) -> BinaryIO:
    """An open file in the format `form`, which the caller closes."""
    if form not in FORMS:
        raise InvalidInput(named_one_of("format", form, FORMS))
    if form == "jsonl":
        return open_verified_file(dataset)
    if not results.is_small(dataset):
        profile_of(dataset)
        return open_file(results.done(dataset, Kind.EXPORT, {"format": form}).file)
    return exported(dataset, form)


def export_name(dataset: Dataset, form: str) -> str:
    suffix = form if form in {"jsonl", "parquet"} else f"{form}.jsonl"
    return f"{dataset.id}.{suffix}"


@transaction.atomic
def remove_dataset(dataset: Dataset, *, by: AnyUser) -> None:
    """Deletes a dataset, all versions made from it by the same owner, and what was made
    from those; or nothing, and raises Conflict, where a job uses one of them."""
    audit(by, "delete", dataset)
    for version in with_versions(dataset):
        delete_dataset(version)
