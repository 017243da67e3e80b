"""Stored files: opened with checks, deleted through a record, swept when orphaned."""

import hashlib
import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from os import SEEK_END
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any, BinaryIO, Union, cast

from django.conf import settings
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from datasets.core.faults.fault import Fault
from datasets.core.readers.json_text import decode
from datasets.models import Dataset, Deletion, WorkItem
from slmgen.errors import Conflict
from slmgen.storage.local import AtomicFileStorage, Stored

if TYPE_CHECKING:
    from slmgen.storage.s3 import ObjectStorage  # boto3 is loaded where it is used

logger = logging.getLogger("slmgen.files")

COPY_BYTES = 1 << 20
# Longer than any request or work item takes from its first file to its row.
ORPHAN_AGE = timedelta(hours=2)


def storage() -> Union[AtomicFileStorage, "ObjectStorage"]:
    return cast("AtomicFileStorage", default_storage)


def damaged(remedy: str = "upload the data again") -> Conflict:
    return Conflict(f"A stored file was damaged or removed on the server; {remedy}.")


def open_file(key: str) -> BinaryIO:
    """A stored file, as a plain Python file. Raises Conflict when it is missing."""
    try:
        return cast("BinaryIO", default_storage.open(key).file)
    except FileNotFoundError:
        logger.error("the stored file %s is missing", key)
        raise damaged() from None


@contextmanager
def opened(key: str, size: int | None = None) -> Iterator[BinaryIO]:
    """Opens a stored file. Raises Conflict when its size is not `size`."""
    with open_file(key) as file:
        if size is not None and file.seek(0, SEEK_END) != size:
            logger.error("the stored file %s has another size than it had", key)
            raise damaged()
        file.seek(0)
        yield file


def verified_file(key: str, sha256: str) -> BinaryIO:
    """A stored file with its checksum verified. Raises Conflict where it differs.

    Of a remote storage it is a local copy, because the check reads all of it anyway,
    and the caller may seek. The caller closes it.
    """
    with ExitStack() as stack:
        file = stack.enter_context(open_file(key))
        copy = stack.enter_context(_copy_of(file))
        digest = hashlib.sha256()
        while chunk := file.read(COPY_BYTES):
            digest.update(chunk)
            if copy is not file:
                copy.write(chunk)
        if digest.hexdigest() != sha256:
            logger.error("the stored file %s has another checksum than it had", key)
            raise damaged()
        copy.seek(0)
        stack.pop_all()  # the caller closes it
    if copy is not file:
        file.close()
    return copy


def _copy_of(file: BinaryIO) -> BinaryIO:
    if storage().is_local:
        return file
    return cast("BinaryIO", TemporaryFile(dir=settings.FILE_UPLOAD_TEMP_DIR))


@contextmanager
def verified(key: str, sha256: str) -> Iterator[BinaryIO]:
    """Opens a stored file with its checksum verified."""
    with verified_file(key, sha256) as file:
        yield file


def read_line(file: BinaryIO, record: Any) -> bytes:
    """The line that an index record points to."""
    file.seek(int(record["offset"]))
    line = file.read(int(record["length"]))
    if len(line) != record["length"]:
        raise damaged()
    return line


def read_example(file: BinaryIO, record: Any) -> Any:
    try:
        return decode(read_line(file, record))
    except Fault:
        raise damaged() from None


# Storing: files first, their row last. Files are deleted only while it is certain that
# there is no row; all other leftovers are swept.


@contextmanager
def deleted_on_failure(keys: Iterable[str]) -> Iterator[None]:
    """Deletes the files if storing them fails, before their row exists."""
    try:
        yield
    except Exception:  # whatever it is, there is no row yet
        delete_stored(keys)
        raise


@contextmanager
def row_of(keys: Iterable[str]) -> Iterator[None]:
    """The transaction that inserts the row of stored files. An error in it rolls back
    the row and deletes the files. When the commit itself fails, the row may exist, so
    the files stay."""
    is_whole = False
    try:
        with transaction.atomic():
            yield
            is_whole = True
    except Exception:  # whatever it is, the row is rolled back unless it was complete
        if not is_whole:
            delete_stored(keys)
        raise


def delete_stored(keys: Iterable[str]) -> None:
    for key in keys:
        with suppress(FileNotFoundError):
            default_storage.delete(key)


# Deleting: the transaction that deletes a row also records the files to delete, so they
# are deleted even if this process ends before it gets to them.


def discard(keys: Iterable[str]) -> None:
    """Schedules files for deletion. Call it inside the transaction that deletes their
    row."""
    wanted = list(keys)
    Deletion.objects.bulk_create(
        [Deletion(key=key) for key in wanted], ignore_conflicts=True
    )
    transaction.on_commit(lambda: delete_discarded(wanted), robust=True)


def delete_discarded(keys: Iterable[str] | None = None) -> None:
    """Deletes discarded files: these, or all of them. Safe to repeat.

    Does nothing while a backup runs. The order matters: the keys are read before the
    check, when their rows are gone already, so a backup that starts later copies none
    of them.
    """
    if keys is None:
        keys = list(Deletion.objects.values_list("key", flat=True))
    if storage().is_being_copied():
        return
    for key in keys:
        try:
            default_storage.delete(key)
        except FileNotFoundError:
            pass  # deleted already
        except OSError:
            logger.exception("a discarded file was not deleted; it will be tried again")
            continue
        Deletion.objects.filter(key=key).delete()


# Sweeping: deletes files that no row refers to. A file comes before its row, so a young
# file without a row may be part of an upload in progress.


@dataclass(frozen=True)
class StoredFile:
    """A file that a row refers to, with its size where the row knows it."""

    key: str
    size: int | None = None


FilesOf = Callable[[QuerySet[Dataset]], Iterator[StoredFile]]
FILES_OF: list[FilesOf] = []


def names_files(function: FilesOf) -> FilesOf:
    """Registers a function that yields all files that an app's rows refer to, for
    datasets."""
    FILES_OF.append(function)
    return function


def files_of(datasets: QuerySet[Dataset]) -> list[StoredFile]:
    return [one for names in FILES_OF for one in names(datasets)]


@names_files
def files_of_datasets(datasets: QuerySet[Dataset]) -> Iterator[StoredFile]:
    for dataset in datasets.filter(emptied_at=None).iterator():
        yield StoredFile(dataset.original_key, dataset.size)
        yield StoredFile(dataset.examples_key, dataset.examples_bytes)
        if dataset.problem_groups:
            yield StoredFile(dataset.problems_key)
            yield StoredFile(dataset.problem_index_key)
    items = WorkItem.objects.filter(dataset__in=datasets).exclude(file="")
    for key in items.values_list("file", flat=True).iterator():
        yield StoredFile(key)


@dataclass(frozen=True)
class Differences:
    orphans: list[Stored]
    missing: list[StoredFile]  # absent, or of another size


def differences(age: timedelta = ORPHAN_AGE) -> Differences:
    """Files without a row, except those younger than `age`, and rows without their
    file."""
    # Files are listed before rows are read, so that a file which gets its row meanwhile
    # is no orphan.
    started = timezone.now()
    stored = {found.key: found for found in storage().listing()}
    kept = files_of(Dataset.objects.all())
    known = {one.key for one in kept}
    orphans = [
        found
        for key, found in stored.items()
        if key not in known and started - found.modified >= age
    ]
    missing = [one for one in kept if not _is_there(one, stored.get(one.key))]
    return Differences(orphans, missing)


def _is_there(kept: StoredFile, found: Stored | None) -> bool:
    if found is None:  # perhaps written after the listing
        return default_storage.exists(kept.key)
    return kept.size is None or kept.size == found.size


def sweep(age: timedelta = ORPHAN_AGE) -> int:
    """Deletes orphans and discarded files; returns the number of orphans."""
    delete_discarded()
    orphans = differences(age).orphans
    # Asked after the rows are read, as in `delete_discarded`
    if storage().is_being_copied():
        return 0
    for orphan in orphans:
        default_storage.delete(orphan.key)
    return len(orphans)
