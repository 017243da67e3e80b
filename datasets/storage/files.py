"""Stored files: read with care, deleted by recorded intent, swept when nobody's."""

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
# Longer than any request or piece of work needs from its first file to its row.
ORPHAN_AGE = timedelta(hours=2)


def storage() -> Union[AtomicFileStorage, "ObjectStorage"]:
    return cast("AtomicFileStorage", default_storage)


def damaged(remedy: str = "upload the data again") -> Conflict:
    return Conflict(f"A stored file was damaged or removed on the server; {remedy}.")


def open_file(key: str) -> BinaryIO:
    """A stored file, as Python's own kind of file. Raises Conflict when it is gone."""
    try:
        return cast("BinaryIO", default_storage.open(key).file)
    except FileNotFoundError:
        logger.error("the stored file %s is missing", key)
        raise damaged() from None


@contextmanager
def opened(key: str, size: int | None = None) -> Iterator[BinaryIO]:
    """The same for a while. Raises Conflict when it has another `size` than it had."""
    with open_file(key) as file:
        if size is not None and file.seek(0, SEEK_END) != size:
            logger.error("the stored file %s has another size than it had", key)
            raise damaged()
        file.seek(0)
        yield file


def verified_file(key: str, sha256: str) -> BinaryIO:
    """A stored file whose content is what it was; else raises Conflict.

    From a storage behind a network it is a local copy: the check has to read all of it
    anyway, and who works on it may jump about.
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
    """The same for a while."""
    with verified_file(key, sha256) as file:
        yield file


def read_line(file: BinaryIO, record: Any) -> bytes:
    """The example that a record of the index points to."""
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


# Keeping: files come first, their row last. They are deleted only while it is certain
# that there is no row; whatever else is left behind is swept.


@contextmanager
def deleted_on_failure(keys: Iterable[str]) -> Iterator[None]:
    """Around storing files before their row exists."""
    try:
        yield
    except Exception:  # whatever it is, there is no row yet
        delete_stored(keys)
        raise


@contextmanager
def row_of(keys: Iterable[str]) -> Iterator[None]:
    """The transaction that inserts the row of stored files: what is raised in it undoes
    both. When the commit itself fails, the row may be there, so the files stay."""
    is_whole = False
    try:
        with transaction.atomic():
            yield
            is_whole = True
    except Exception:  # whatever it is, the transaction was undone unless it was whole
        if not is_whole:
            delete_stored(keys)
        raise


def delete_stored(keys: Iterable[str]) -> None:
    for key in keys:
        with suppress(FileNotFoundError):
            default_storage.delete(key)


# Deleting: the intent is a row of the transaction that removes what the file belongs
# to. Whoever dies after it, the file goes.


def discard(keys: Iterable[str]) -> None:
    """Has files deleted; called inside the transaction that deletes their row."""
    wanted = list(keys)
    Deletion.objects.bulk_create(
        [Deletion(key=key) for key in wanted], ignore_conflicts=True
    )
    transaction.on_commit(lambda: delete_discarded(wanted), robust=True)


def delete_discarded(keys: Iterable[str] | None = None) -> None:
    """Deletes files that were discarded: these, or all. Again, it changes nothing.

    While a backup runs it does nothing. The backup is asked about after the keys are
    known: their rows were gone then, so one that begins later copies none of them.
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


# Sweeping: what no row speaks of. A file comes first and its row last, so a young file
# without a row is one that is being kept just now.


@dataclass(frozen=True)
class Kept:
    """A file that a row speaks of, with its size where the row knows it."""

    key: str
    size: int | None = None


Keeper = Callable[[QuerySet[Dataset]], Iterator[Kept]]
KEEPERS: list[Keeper] = []


def keeper(function: Keeper) -> Keeper:
    """Registers what names all files that the rows of an app speak of, for datasets."""
    KEEPERS.append(function)
    return function


def kept_of(datasets: QuerySet[Dataset]) -> list[Kept]:
    return [one for names in KEEPERS for one in names(datasets)]


@keeper
def kept_of_datasets(datasets: QuerySet[Dataset]) -> Iterator[Kept]:
    for dataset in datasets.filter(emptied_at=None).iterator():
        yield Kept(dataset.original_key, dataset.size)
        yield Kept(dataset.examples_key, dataset.examples_bytes)
        if dataset.problem_groups:
            yield Kept(dataset.problems_key)
            yield Kept(dataset.problem_index_key)
    items = WorkItem.objects.filter(dataset__in=datasets).exclude(file="")
    for key in items.values_list("file", flat=True).iterator():
        yield Kept(key)


@dataclass(frozen=True)
class Differences:
    orphans: list[Stored]
    missing: list[Kept]  # gone, or of another size


def differences(age: timedelta = ORPHAN_AGE) -> Differences:
    """What rows and files disagree about, files younger than `age` left out."""
    # Files are listed before rows are read: a file that gets its row meanwhile has it.
    started = timezone.now()
    stored = {found.key: found for found in storage().listing()}
    kept = kept_of(Dataset.objects.all())
    known = {one.key for one in kept}
    orphans = [
        found
        for key, found in stored.items()
        if key not in known and started - found.modified >= age
    ]
    missing = [one for one in kept if not _is_there(one, stored.get(one.key))]
    return Differences(orphans, missing)


def _is_there(kept: Kept, found: Stored | None) -> bool:
    if found is None:  # listed before it was written?
        return default_storage.exists(kept.key)
    return kept.size is None or kept.size == found.size


def sweep(age: timedelta = ORPHAN_AGE) -> int:
    """Deletes orphans and what was discarded; gives the number of orphans."""
    delete_discarded()
    orphans = differences(age).orphans
    if storage().is_being_copied():  # asked after the rows are read, as above
        return 0
    for orphan in orphans:
        default_storage.delete(orphan.key)
    return len(orphans)
