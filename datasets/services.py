import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from tempfile import NamedTemporaryFile
from typing import Any, BinaryIO

from django.conf import settings
from django.core.files.base import File
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction

from datasets import tasks
from datasets.core import columns, index, tokens
from datasets.core.filenames import clean_filename
from datasets.core.ingest import Ingested, Limits, ingest, sample
from datasets.core.parsing import decode
from datasets.core.profile import Profile
from datasets.files import opened
from datasets.models import Analysis, AnyUser, Dataset
from slmgen.errors import Conflict, InvalidInput, NotFound, NotReady

SECONDS_BETWEEN_LOOKS = 0.1
RETRY_AFTER_SECONDS = 5


@dataclass(frozen=True)
class Example:
    index: int
    messages: list[dict[str, Any]]
    token_count: int


def token_counter() -> tokens.CountTokens:
    return tokens.token_counter(settings.SLMGEN_ENCODING)


def upload_dataset(
    *,
    file: "UploadedFile[bytes]",
    owner: AnyUser,
    mapping: Mapping[str, Any] | None = None,
) -> Dataset:
    """Reads, checks and keeps an uploaded file: all of it, or nothing of it."""
    layout = columns.mapped(mapping) if mapping is not None else None
    origin = Origin(clean_filename(file.name or ""), _key_of(owner))
    return _keep(file.file, origin, layout)  # type: ignore[arg-type]  # a binary file in every upload handler


def map_dataset(dataset: Dataset, mapping: Mapping[str, Any]) -> Dataset:
    """A new version of `dataset`: the same upload, read with other columns."""
    origin = Origin(dataset.filename, dataset.owner_id, dataset)
    with opened(dataset.original_key) as file:
        return _keep(file, origin, columns.mapped(mapping))


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
    with opened(dataset.original_key) as file:
        shown = sample(file, _limits(), layout)
    return Mapped(
        container=dataset.container,
        form=layout.form,
        guessed=layout.guessed,
        columns=list(shown.row),
        mapping=layout.columns.named,
        source_row=shown.row,
        example=shown.example,
    )


@dataclass(frozen=True)
class Origin:
    """Where a dataset comes from: its name, whose it is, the version before it."""

    filename: str
    owner_id: Any
    parent: Dataset | None = None


def _key_of(owner: AnyUser) -> Any:
    return owner.pk if owner.is_authenticated else None


def _limits() -> Limits:
    return Limits(
        max_bytes=settings.SLMGEN_MAX_UPLOAD_BYTES,
        max_row_bytes=settings.SLMGEN_MAX_LINE_BYTES,
        min_examples=settings.SLMGEN_MIN_EXAMPLES,
    )


def _keep(source: BinaryIO, origin: Origin, layout: columns.Layout | None) -> Dataset:
    with _temporary_file() as examples:
        source.seek(0)
        ingested = ingest(source, examples, _limits(), layout)
        dataset = _dataset_of(ingested, origin)
        with _removed_on_failure(dataset):
            default_storage.save(dataset.original_key, File(source))
            default_storage.save(dataset.examples_key, File(examples))
            _insert(dataset)
    if dataset.examples_bytes <= settings.SLMGEN_INLINE_ANALYSIS_BYTES:
        _analyze_now(dataset)
    return dataset


@contextmanager
def _temporary_file() -> Iterator[BinaryIO]:
    with NamedTemporaryFile(dir=settings.FILE_UPLOAD_TEMP_DIR) as file:
        yield file  # type: ignore[misc]  # a BinaryIO in all but name


def _dataset_of(ingested: Ingested, origin: Origin) -> Dataset:
    return Dataset(
        owner_id=origin.owner_id,
        parent=origin.parent,
        filename=origin.filename,
        size=ingested.size,
        sha256=ingested.sha256,
        container=ingested.container,
        form=ingested.layout.form,
        columns=ingested.layout.columns.named,
        columns_guessed=ingested.layout.guessed,
        total_examples=ingested.examples,
        examples_bytes=ingested.examples_bytes,
        examples_sha256=ingested.examples_sha256,
        bad_lines=ingested.bad_lines,
        problems=[str(problem) for problem in ingested.problems],
    )


@contextmanager
def _removed_on_failure(dataset: Dataset) -> Iterator[None]:
    try:
        yield
    except BaseException:
        _delete_files(dataset)
        raise


@transaction.atomic
def _insert(dataset: Dataset) -> None:
    dataset.save(force_insert=True)
    Analysis.objects.create(dataset=dataset)


def _analyze_now(dataset: Dataset) -> None:
    row = Analysis.objects.filter(dataset=dataset).first()
    claim = tasks.claim_row(row) if row is not None else None
    if claim is not None:
        tasks.run(claim)


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
    deadline = time.monotonic() + settings.SLMGEN_ANALYSIS_WAIT_SECONDS
    while True:
        analysis = Analysis.objects.get(dataset=dataset)
        if analysis.state == Analysis.State.DONE and analysis.profile is not None:
            return Profile(**analysis.profile)
        if analysis.state == Analysis.State.FAILED:
            raise Conflict("The analysis of this dataset failed; upload it again.")
        if time.monotonic() >= deadline:
            raise NotReady(
                f"Analysis is {analysis.progress}% done; try again in "
                f"{RETRY_AFTER_SECONDS} seconds.",
                RETRY_AFTER_SECONDS,
            )
        time.sleep(SECONDS_BETWEEN_LOOKS)


def stored_profile(dataset: Dataset) -> Profile | None:
    """The profile if it is there already; never waits."""
    analysis = Analysis.objects.filter(
        dataset=dataset, state=Analysis.State.DONE
    ).first()
    return Profile(**analysis.profile) if analysis and analysis.profile else None


def examples_page(dataset: Dataset, *, page: int, page_size: int) -> list[Example]:
    """One page of examples; pages count from 1, one past the end is empty."""
    start = (page - 1) * page_size
    if start >= dataset.total_examples:
        return []
    with opened(dataset.index_key) as file:
        records = index.read_records(file, start, page_size)
    with opened(dataset.examples_key) as file:
        return [
            _example(file, start + place, record)
            for place, record in enumerate(records)
        ]


def _example(file: BinaryIO, position: int, record: Any) -> Example:
    file.seek(int(record["offset"]))
    value = decode(file.read(int(record["length"])))
    return Example(position, value["messages"], int(record["tokens"]))


def duplicates_of(dataset: Dataset) -> list[int]:
    with opened(dataset.index_key) as file:
        return index.duplicates(file)


@contextmanager
def open_examples(dataset: Dataset) -> Iterator[BinaryIO]:
    """The canonical examples: one conversation a line, as it was uploaded."""
    with opened(dataset.examples_key) as file:
        yield file


def delete_dataset(dataset: Dataset) -> None:
    """The row goes first: a row never points to files that are gone."""
    with transaction.atomic():
        Dataset.objects.filter(pk=dataset.pk).delete()
        transaction.on_commit(lambda: _delete_files(dataset))


def _delete_files(dataset: Dataset) -> None:
    for key in dataset.keys:
        with suppress(FileNotFoundError):
            default_storage.delete(key)
