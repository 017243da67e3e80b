from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, cast

from django.core.files.storage import default_storage


@contextmanager
def opened(key: str) -> Iterator[BinaryIO]:
    """A stored file, as Python's own kind of file."""
    with default_storage.open(key) as file:
        yield cast("BinaryIO", file.file)
