"""How many characters of a text must be edited to make another of it."""


def unedited_share(first: str, second: str, least: float) -> float:
    """1 for equal texts; 0 where it would be below `least`."""
    longest = max(len(first), len(second))
    if not longest:
        return 1.0
    most = int((1 - least) * longest)
    if abs(len(first) - len(second)) > most:
        return 0.0
    found = edits(first, second, most)
    return 0.0 if found is None else 1 - found / longest


def _differing(first: str, second: str) -> tuple[str, str]:
    """What is between a beginning and an end that both have."""
    while first[:8] == second[:8] != "":
        first, second = first[8:], second[8:]
    while first[-8:] == second[-8:] != "":
        first, second = first[:-8], second[:-8]
    return first, second


def edits(first: str, second: str, most: int) -> int | None:
    """The Levenshtein distance, None where it is above `most`. A column of its table
    is two integers, a bit for each character of `first` (Myers 1999, Hyyrö's form)."""
    first, second = _differing(first, second)
    if not first:
        return len(second) if len(second) <= most else None
    places: dict[str, int] = {}
    for place, character in enumerate(first):
        places[character] = places.get(character, 0) | 1 << place
    last = 1 << (len(first) - 1)
    every = 2 * last - 1
    higher, lower, distance = every, 0, len(first)
    for left, character in zip(range(len(second), 0, -1), second, strict=True):
        if distance - left > most:  # each further character takes away one at most
            return None
        equal = places.get(character, 0)
        vertical = equal | lower
        diagonal = (((equal & higher) + higher) ^ higher) | equal
        up = lower | (every & ~(diagonal | higher))
        down = higher & diagonal
        distance += bool(up & last) - bool(down & last)
        up = up << 1 | 1
        higher = every & (down << 1 | ~(vertical | up))
        lower = up & vertical & every
    return distance if distance <= most else None
