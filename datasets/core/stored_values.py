"""Stored values of any release → today's types."""

from typing import TypeVar

import msgspec

StoredFile = TypeVar("StoredFile")


def loaded(kind: type[StoredFile], stored: object) -> StoredFile | None:
    """None where a field is missing or has another type; unknown fields are ignored."""
    try:
        return msgspec.convert(stored, kind)
    except msgspec.ValidationError:
        return None
