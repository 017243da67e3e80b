"""Tables of a TOML file → dataclasses, with what is wrong named by its place."""

import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, TypeVar

Spec = TypeVar("Spec")


class CatalogError(Exception):
    """The catalog cannot be trusted; says which entry and which key."""


def read_table(kind: type[Spec], table: Mapping[str, Any], where: str) -> Spec:
    """Raises CatalogError for a key or a value that the dataclass does not have."""
    if not isinstance(table, Mapping):
        raise CatalogError(f"{where}: expected a table")
    known = {field.name: field for field in fields(kind)}  # type: ignore[arg-type]  # a dataclass
    hints = typing.get_type_hints(kind)
    if unknown := sorted(set(table) - set(known)):
        raise CatalogError(f"{where}: unknown key {unknown[0]}")
    for name, field in known.items():
        if name not in table and field.default is MISSING:
            raise CatalogError(f"{where}: key {name} is missing")
    values = {
        name: _value(hints[name], value, f"{where}.{name}")
        for name, value in table.items()
    }
    return kind(**values)


def _value(hint: Any, value: Any, where: str) -> Any:
    if typing.get_origin(hint) in (types.UnionType, typing.Union):
        hint = next(part for part in typing.get_args(hint) if part is not type(None))
    if is_dataclass(hint):
        return read_table(typing.cast("type[Any]", hint), value, where)
    if typing.get_origin(hint) is tuple:
        return _tuple(typing.get_args(hint), value, where)
    if typing.get_origin(hint) is typing.Literal:
        if value not in typing.get_args(hint):
            known = ", ".join(typing.get_args(hint))
            raise CatalogError(f"{where}: expected one of {known}, found {value!r}")
        return value
    if type(value) is not hint:
        raise CatalogError(f"{where}: expected {hint.__name__}, found {value!r}")
    return value


def _tuple(parts: tuple[Any, ...], value: Any, where: str) -> tuple[Any, ...]:
    """Of any length, or of as many items as are named."""
    if not isinstance(value, list):
        raise CatalogError(f"{where}: expected a list")
    if parts[-1] is Ellipsis:
        parts = parts[:1] * len(value)
    if len(value) != len(parts):
        raise CatalogError(f"{where}: expected {len(parts)} items")
    return tuple(
        _value(part, item, f"{where}[{n}]")
        for n, (part, item) in enumerate(zip(parts, value, strict=True))
    )
