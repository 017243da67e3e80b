"""What an error sentence says of what was sent: the value found, the name meant."""

import re
from collections.abc import Iterable
from difflib import get_close_matches

MAX_SHOWN_CHARACTERS = 60
SEPARATORS = re.compile(r"[\s_-]+")
# Of `difflib`, 0..1: how alike a name is to the one that may have been meant. A field
# of a query is refused for it; of a value it is only said.
ALIKE = 0.6
ALIKE_VALUE = 0.5


def shown(value: object) -> str:
    """A value as a sentence may quote it: short, what cannot be seen escaped, lists and
    objects by their kind."""
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
    """What two spellings of a name share: case, blanks, hyphens and underscores do not
    count."""
    return SEPARATORS.sub("", name).casefold()


def nearest(name: str, known: Iterable[str], alike: float = ALIKE) -> str | None:
    """The one of `known` that is spelled most like `name`, if any is alike."""
    by_key = {key_of(each): each for each in known}
    key = key_of(name[: 2 * MAX_SHOWN_CHARACTERS])
    found = get_close_matches(key, by_key, 1, alike)
    return by_key[found[0]] if found else None


def named_one_of(field: str, found: str, known: Iterable[str]) -> str:
    """The sentence about a value that is none of `known`."""
    names = tuple(known)
    return refusal(field, found, f"one of {', '.join(names)}", names)


def refusal(field: str, found: str, expected: str, names: Iterable[str]) -> str:
    """The sentence about a value that fits nothing, with the nearest of `names`."""
    meant = nearest(found, names, ALIKE_VALUE)
    more = "." if meant is None else f"; did you mean '{meant}'?"
    return f"{field} is {shown(found)}; expected {expected}{more}"


def unknown(name: str, known: Iterable[str], kind: str = "field") -> str:
    """The sentence about a name that is none of `known`."""
    names = list(known)
    start, listed = f"Unknown {kind} {shown(name)}", ", ".join(names)
    meant = nearest(name, names)
    if meant is None:
        return f"{start}; expected one of {listed}."
    return f"{start}; did you mean '{meant}'? Expected one of {listed}."
