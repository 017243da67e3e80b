"""Sentences about a rejected value: what was found, what was expected, the nearest
name."""

import re
from collections.abc import Iterable
from difflib import get_close_matches

MAX_SHOWN_CHARACTERS = 60
SEPARATORS = re.compile(r"[\s_-]+")
# Similarity by `difflib`, 0..1, from which a name counts as a misspelling of another. A
# query parameter is refused for it; for a value it is only mentioned.
ALIKE = 0.6
ALIKE_VALUE = 0.5


def shown(value: object) -> str:
    """A value as a message quotes it: shortened, invisible characters escaped, lists
    and objects by their kind."""
    if isinstance(value, str):
        return _quoted(value)
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    if isinstance(value, list):
        return "a list" if value else "an empty list"
    if isinstance(value, int) and abs(value) >= 10**MAX_SHOWN_CHARACTERS:
        return f"a number of more than {MAX_SHOWN_CHARACTERS} digits"
    return str(value) if isinstance(value, int | float) else "an object"


def _quoted(text: str) -> str:
    quoted = repr(text[: MAX_SHOWN_CHARACTERS + 1])
    if len(quoted) <= MAX_SHOWN_CHARACTERS + 2:
        return quoted
    return f"{quoted[:MAX_SHOWN_CHARACTERS]}…{quoted[0]}"


def key_of(name: str) -> str:
    """Normalizes a name: ignores case, blanks, hyphens and underscores."""
    return SEPARATORS.sub("", name).casefold()


def nearest(name: str, known: Iterable[str], alike: float = ALIKE) -> str | None:
    """The most similar one of `known`, or None where none is similar enough."""
    by_key = {key_of(each): each for each in known}
    key = key_of(name[: 2 * MAX_SHOWN_CHARACTERS])
    found = get_close_matches(key, by_key, 1, alike)
    return by_key[found[0]] if found else None


def named_one_of(field: str, found: str, known: Iterable[str]) -> str:
    """The message about a value that is not in `known`."""
    names = tuple(known)
    return refusal(field, found, f"one of {', '.join(names)}", names)


def refusal(field: str, found: str, expected: str, names: Iterable[str]) -> str:
    """The message about a value that matches nothing, with the nearest of `names`."""
    meant = nearest(found, names, ALIKE_VALUE)
    more = "." if meant is None else f"; did you mean '{meant}'?"
    return f"{field} is {shown(found)}; expected {expected}{more}"


def unknown(name: str, known: Iterable[str], kind: str = "field") -> str:
    """The message about a name that is not in `known`."""
    names = list(known)
    start, listed = f"Unknown {kind} {shown(name)}", ", ".join(names)
    meant = nearest(name, names)
    if meant is None:
        return f"{start}; expected one of {listed}."
    return f"{start}; did you mean '{meant}'? Expected one of {listed}."
