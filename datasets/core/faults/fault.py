"""A fault of one row, as fields for programs and as one sentence."""

from functools import lru_cache
from typing import Any

import msgspec

from datasets.core.faults.catalog import FaultKind
from datasets.core.privacy.detection import redacted

MAX_SHOWN_CHARACTERS = 40
MAX_LOOKED_AT = 400
QUOTES_KEPT = 4096  # a file often repeats the same fault


class Fault(Exception):
    """What was found in a row, what was expected there, and how to fix it."""

    def __init__(
        self,
        kind: FaultKind,
        message: int | None = None,  # index of the message
        field: str = "",
        *,
        found: str,
        expected: str = "",  # where more is known than the kind states; likewise `fix`
        fix: str = "",
    ) -> None:
        super().__init__(kind.name)
        self.kind = kind.name
        self.found = found
        self.expected = expected or kind.expected
        self.fix = fix or kind.fix
        self.message = message
        self.field = field

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickles keyword arguments too; exceptions by default keep only positional
        ones."""
        return Exception.__new__, (Fault, self.kind), self.__dict__

    @property
    def sentence(self) -> str:
        return _sentence(self)


class Problem(msgspec.Struct, frozen=True):
    """A fault with its place; `left_out` when its row is skipped."""

    line: int
    kind: str
    message: int | None
    field: str
    found: str
    expected: str
    fix: str
    left_out: bool
    unit: str = "Line"

    def __str__(self) -> str:
        return f"{self.unit} {self.line:,}: {self.sentence}"

    @property
    def sentence(self) -> str:
        return _sentence(self)


def problem(line: int, fault: Fault, *, left_out: bool, unit: str = "Line") -> Problem:
    return Problem(
        line, fault.kind, fault.message, fault.field, fault.found, fault.expected,
        fault.fix, left_out, unit,
    )  # fmt: skip


def _sentence(fault: Fault | Problem) -> str:
    place = where(fault.message, fault.field)
    found = f"{place} is {fault.found}" if place else fault.found
    return f"{found}; expected {fault.expected}; {fault.fix}."


def where(message: int | None, field: str) -> str:
    if message is None:
        return field
    return f"messages[{message}].{field}" if field else f"messages[{message}]"


def kind_of(value: object) -> str:
    names = {dict: "an object", list: "a list", str: "a string", type(None): "null"}
    if isinstance(value, list) and not value:
        return "an empty list"
    if isinstance(value, bool):
        return "true" if value else "false"
    return names.get(type(value), "a number")


def shown(value: object) -> str:
    """A value as a message may quote it: an excerpt of text without personal data,
    anything else by its kind."""
    if not isinstance(value, str):
        return kind_of(value)
    return _quoted(value[:MAX_LOOKED_AT])


@lru_cache(QUOTES_KEPT)
def _quoted(value: str) -> str:
    value = redacted(value)
    if len(value) > MAX_SHOWN_CHARACTERS:
        value = value[:MAX_SHOWN_CHARACTERS] + "…"
    return repr(value)


def keys_of(value: dict[str, object]) -> str:
    names = ", ".join(shown(key) for key in list(value)[:5])
    return f"the keys {names}" if names else "no key"
