"""What bodies and queries of every app have in common."""

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any

from rest_framework import serializers

SHOWN = 60  # characters of a name that somebody sent


class StrictSerializer(serializers.Serializer[Any]):
    """Refuses keys that it does not know, so that a typing error is not ignored."""

    def to_internal_value(self, data: Any) -> Any:
        known = [name for name, part in self.fields.items() if not part.read_only]
        unknown = [key for key in data if key not in known]
        if unknown:
            sentence = unknown_field(unknown[0], known)
            raise serializers.ValidationError({"non_field_errors": [sentence]})
        return super().to_internal_value(data)


def unknown_field(name: str, known: Sequence[str]) -> str:
    near = get_close_matches(name, known, n=1)
    meant = f"; did you mean {near[0]!r}?" if near else "."
    return f"Unknown field {name[:SHOWN]!r}{meant} Known are {', '.join(known)}."
