"""Stored values → today's types, whatever release stored them."""

from typing import TypeVar

import msgspec

Kept = TypeVar("Kept")


def loaded(kind: type[Kept], stored: object) -> Kept | None:
    """None where a field is missing or of another type; unknown ones are ignored."""
    try:
        return msgspec.convert(stored, kind)
    except msgspec.ValidationError:
        return None
