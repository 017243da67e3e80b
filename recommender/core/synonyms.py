"""Other names of our values, and the nearest value to names we do not have."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Generic, TypeVar

from slmgen.error_text import key_of, nearest, refusal, shown
from slmgen.errors import InvalidInput

Value = TypeVar("Value")
Name = TypeVar("Name", bound=str)

MISSPELLED = 0.85  # similarity by `difflib`: about one letter in seven differs
SHORTEST = 6  # characters; shorter names are too similar to guess


@dataclass(frozen=True)
class Reading(Generic[Value]):
    """The value that was understood; `remark` says so where the name was not exact."""

    value: Value
    remark: str = ""


def remarks(*readings: Reading[Any]) -> tuple[str, ...]:
    return tuple(reading.remark for reading in readings if reading.remark)


@dataclass(frozen=True)
class Names(Generic[Name]):
    """The values of one field, with their other names, and names of things that are not
    among them with the nearest value."""

    field: str
    synonyms: Mapping[Name, tuple[str, ...]]
    near: Mapping[str, Name]

    def read(self, text: str) -> Reading[Name]:
        """The value with this name, ignoring case, blanks, hyphens and underscores, or
        the nearest one. Raises InvalidInput where nothing matches."""
        key = key_of(text)
        if key in self._called:
            return Reading(self._called[key])
        if key in self._near:
            return self._nearest(text, self._near[key])
        meant = nearest(text, self._called, MISSPELLED)
        if meant is not None and len(key) >= SHORTEST:
            return self._nearest(text, self._called[meant])
        raise InvalidInput(refusal(self.field, text, self.expected, self._all))

    def _nearest(self, text: str, value: Name) -> Reading[Name]:
        remark = f"{self.field} {shown(text)} is not a supported value: "
        return Reading(value, f"{remark}the nearest one, {value}, was used")

    @property
    def expected(self) -> str:
        return f"one of {', '.join(self.synonyms)}"

    @property
    def help(self) -> str:
        """The values with their other names, then the names with a nearest value."""
        listed = ", ".join(
            f"{value} ({', '.join(names)})" if names else value
            for value, names in self.synonyms.items()
        )
        near = ", ".join(f"{name} as {value}" for name, value in self.near.items())
        return f"{listed}. Read as the nearest: {near}."

    @cached_property
    def _called(self) -> dict[str, Name]:
        return {
            key_of(name): value
            for value, names in self.synonyms.items()
            for name in (str(value), *names)
        }

    @cached_property
    def _near(self) -> dict[str, Name]:
        return {key_of(name): value for name, value in self.near.items()}

    @cached_property
    def _all(self) -> tuple[str, ...]:
        named = (name for names in self.synonyms.values() for name in names)
        return (*self.synonyms, *named, *self.near)
