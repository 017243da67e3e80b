"""Serializers and fields that report what was found and what was expected."""

from collections.abc import Mapping
from typing import Any

from drf_spectacular.extensions import OpenApiSerializerExtension
from rest_framework import serializers

from slmgen.error_text import nearest, shown, unknown
from slmgen.errors import InvalidInput

WHOLE = "non_field_errors"

# What a field takes, by class; the first match counts.
KINDS: tuple[tuple[type[Any], str], ...] = (
    (serializers.BooleanField, "true or false"),
    (serializers.IntegerField, "a whole number"),
    (serializers.FloatField, "a number"),
    (serializers.CharField, "text"),
    (serializers.ListField, "a list"),
    (serializers.ListSerializer, "a list of objects"),
    (serializers.DictField, "an object"),
    (serializers.BaseSerializer, "an object"),
)


class ExpectedField(serializers.CharField):
    """Text that is checked elsewhere; `expected` documents here what it must be."""

    def __init__(self, *, expected: str, **options: Any) -> None:
        super().__init__(**options)
        self.expected = expected


class SessionField(ExpectedField):
    """The id of a dataset."""

    def __init__(self, **options: Any) -> None:
        defaults = {"expected": "the UUID that /upload answered", "max_length": 64}
        super().__init__(**{**defaults, **options})


class StrictSerializer(serializers.Serializer[Any]):
    """Refuses unknown fields, so that a typo is not ignored. Its error is one sentence
    about the first fault: what was found and what was expected."""

    def is_valid(self, *, raise_exception: bool = False) -> bool:
        valid: bool = super().is_valid()
        if not valid and raise_exception:
            raise InvalidInput(_sentence(self, self.errors, self.initial_data))
        return valid

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            known = [name for name, part in self.fields.items() if not part.read_only]
            for name in data:
                if name not in known and self.is_refused(name, known):
                    raise serializers.ValidationError({WHOLE: [unknown(name, known)]})
        return super().to_internal_value(data)

    def is_refused(self, name: str, known: list[str]) -> bool:
        """Whether to refuse this unknown name."""
        return True


class LenientSerializer(StrictSerializer):
    """A query or form that may carry fields of others: refuses an unknown name only
    where it looks like a known one misspelled."""

    def is_refused(self, name: str, known: list[str]) -> bool:
        return nearest(name, known) is not None


class StrictScheme(OpenApiSerializerExtension):
    target_class = StrictSerializer
    match_subclasses = True

    def map_serializer(self, auto_schema: Any, direction: Any) -> Any:
        schema = auto_schema._map_serializer(
            self.target, direction, bypass_extensions=True
        )
        return {**schema, "additionalProperties": False}


def _sentence(field: Any, errors: Any, value: Any, path: str = "") -> str:
    """The first of `errors`, which are about the `value` of `field`, as a sentence."""
    if isinstance(errors, list) and errors and not isinstance(errors[0], str):
        errors = {place: each for place, each in enumerate(errors) if each}
    if isinstance(errors, dict):
        key, inner = next(iter(errors.items()))
        if key == WHOLE:
            return _whole(field, inner, value, path)
        return _sentence(
            _part(field, key), inner, _value(value, key), _joined(path, key)
        )
    (error, *_) = errors
    if error.code == "required":
        return f"{path} is missing; expected {expected(field)}."
    if field.write_only:  # such as a password, which no message may repeat
        return f"{path} cannot be used; expected {expected(field)}."
    return f"{path} is {shown(value)}; expected {expected(field)}."


def _whole(field: Any, errors: Any, value: Any, path: str) -> str:
    """For the object as a whole: not an object, or a message of `validate`."""
    if isinstance(value, Mapping):
        return f"{path}: {errors[0]}" if path else str(errors[0])
    return _sentence(field, errors, value, path)


def _part(field: Any, key: Any) -> Any:
    if isinstance(field, serializers.Serializer):
        return field.fields[key]
    return field.child


def _value(value: Any, key: Any) -> Any:
    if isinstance(value, Mapping):
        return value.get(key)
    return value[key] if isinstance(value, list) and isinstance(key, int) else None


def _joined(path: str, key: Any) -> str:
    if isinstance(key, int):
        return f"{path}[{key}]"
    return f"{path}.{key}" if path else str(key)


def expected(field: Any) -> str:
    """What a field takes, with its bounds, in words."""
    if isinstance(field, ExpectedField):
        return field.expected
    kind = next((words for known, words in KINDS if isinstance(field, known)), "")
    if isinstance(field, serializers.ChoiceField):
        kind = f"one of {', '.join(map(str, field.choices))}"
    return f"{kind or 'a value'}{_bounds(field)}"


def _bounds(field: Any) -> str:
    if isinstance(field, serializers.IntegerField | serializers.FloatField):
        return _range(" from", field.min_value, field.max_value)
    least, most = (getattr(field, f"{end}_length", None) for end in ("min", "max"))
    if isinstance(field, serializers.CharField):
        least = least or (None if field.allow_blank else 1)
        return f"{text} characters" if (text := _range(" of", least, most)) else ""
    return f"{text} entries" if (text := _range(" of", least, most)) else ""


def _range(start: str, low: float | None, high: float | None) -> str:
    if high is None:
        return "" if low is None else f"{start} {low:,} or more"
    return f"{start} {low or 0:,} to {high:,}"


class ErrorSerializer(serializers.Serializer[Any]):
    detail = serializers.CharField()
