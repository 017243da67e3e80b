import fcntl
import os
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from django.core.files import File
from django.core.files.storage import FileSystemStorage
from django.utils.deconstruct import deconstructible


@dataclass(frozen=True)
class Stored:
    """A file as the storage lists it."""

    key: str
    size: int
    modified: datetime


@deconstructible(path="slmgen.storage.local.AtomicFileStorage")
class AtomicFileStorage(FileSystemStorage):
    """A file appears under its name only when all of it is on the disk.

    Django's own storage writes under the final name, so a full disk or a killed process
    leaves a truncated file there.
    """

    is_local = True

    def _save(self, name: str, content: File) -> str:  # type: ignore[type-arg]  # File is generic in stubs only
        target = Path(self.path(name))
        part = Path(self.path(f"incoming/{uuid.uuid4().hex}.part"))
        for folder in (part.parent, target.parent):
            folder.mkdir(parents=True, exist_ok=True)
        try:
            _write(part, content)
            part.rename(target)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
        _sync_folder(target.parent)
        return name

    def listing(self) -> Iterator[Stored]:
        root = Path(self.location)
        for folder, _, names in os.walk(root):
            for name in names:
                path = Path(folder, name)
                try:
                    found = path.stat()
                except FileNotFoundError:
                    continue  # deleted, or renamed to its final name, meanwhile
                modified = datetime.fromtimestamp(found.st_mtime, UTC)
                key = path.relative_to(root).as_posix()
                yield Stored(key, found.st_size, modified)

    def link(self, name: str, filename: str) -> None:
        """None: this server sends the files of this storage itself."""

    def is_being_copied(self) -> bool:
        """Whether a backup runs: it holds the lock on the folder until it has copied
        the files of all rows in its copy of the database (deploy/backup.sh)."""
        try:
            folder = os.open(self.location, os.O_RDONLY)
        except FileNotFoundError:
            return False  # no file was stored yet
        try:
            fcntl.flock(folder, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(folder)
        return False

    def delete(self, name: str) -> None:
        super().delete(name)
        folder = Path(self.path(name)).parent
        try:
            folder.rmdir()
        except OSError:
            return  # other files of the same object remain


def _write(part: Path, content: File) -> None:  # type: ignore[type-arg]  # as above
    with part.open("xb") as file:
        for chunk in content.chunks(1024 * 1024):
            file.write(chunk if isinstance(chunk, bytes) else chunk.encode())
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
