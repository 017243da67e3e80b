"""What goes wrong with data: copies, near copies, faults, odd characters, odd spelling
of good JSON. For tests that compare two ways to the same result, many rows at once."""

import copy
import json
import random
from collections.abc import Callable, Iterable, Iterator
from itertools import cycle

from benchmarks.plants import FORMS, PLANTS
from tests.corpus.forms import Example, exchange

SPOILED_SHARE = 0.2
DUPLICATE_SHARE = 0.05
NEAR_SHARE = 0.1

# Characters that programs trip over, with a name for each reason.
CHARACTERS = {
    "accents composed and not": "é e\u0301 ñ n\u0303 å ﬁ",
    "no space between words": "漢字かなカナ 汉字 ภาษาไทย",
    "right to left": "שלום \u202bعربي\u202c \u200f",
    "joined": "👩\u200d🚒 🏳️\u200d🌈 क्षि",
    "beyond sixteen bits": "𝔘𝔫𝔦 𠜎 😀 \U0010ffff",
    "invisible": "\u200b\u2060\ufeff\u00ad",
    "spaces": "\u00a0\u2009\u3000\u2028\u2029\u0085",
    "control": "\x01\x1b[31m\x7f\x0b\x0c",
    "escapes": '\\ " / \\n \\u0041 \\\\ \t \b',
    "upper and lower": "İıſß ǅ Ǆ ΑΣ",
    "half width": "ｱｲｳ ＡＢＣ １２３",
    "look like markup": "<p>&amp;</p> {% x %} ${y} %s {0}",
}


def near_duplicate(example: Example, source: random.Random) -> Example:
    near = copy.deepcopy(example)
    for message in near["messages"]:
        if message["content"]:
            message["content"] = edited(message["content"], source)
    return near


def edited(text: str, source: random.Random) -> str:
    """One word in twenty replaced, at least one."""
    words = text.split(" ")
    for _ in range(max(1, len(words) // 20)):
        words[source.randrange(len(words))] = source.choice(["other", "thing", "more"])
    return " ".join(words)


def with_odd_characters(example: Example, source: random.Random) -> Example:
    odd = copy.deepcopy(example)
    for message in odd["messages"]:
        if message["content"]:
            place = source.randint(0, len(message["content"]))
            said = source.choice(list(CHARACTERS.values()))
            message["content"] = (
                message["content"][:place] + said + message["content"][place:]
            )
    return odd


def with_fault(example: Example, source: random.Random) -> object:
    """One fault of any kind, where the example can have it."""
    kind = source.choice(sorted(PLANTS | FORMS))
    try:
        spoiled = (PLANTS | FORMS)[kind](example, source)
    except (TypeError, AttributeError):  # a message without content
        return example
    return example if spoiled is None else spoiled


def some_faulty(examples: Iterable[Example], seed: object) -> Iterator[Example]:
    """Each kind of fault in turn, in every seventh example that can have it: few enough
    for the file to be taken."""
    source = random.Random(f"faulty: {seed}")
    kinds = cycle(sorted(PLANTS))
    kind = next(kinds)
    for number, example in enumerate(examples):
        spoiled = PLANTS[kind](example, source) if number % 7 == 0 else None
        if spoiled is not None:
            kind = next(kinds)
        yield example if spoiled is None else spoiled


def _compact(row: object) -> str:
    return json.dumps(row, ensure_ascii=False, separators=(",", ":"))


# The same row, written as different programs write it.
SPELLINGS: tuple[Callable[[object], str], ...] = (
    lambda row: json.dumps(row, ensure_ascii=False),
    json.dumps,
    _compact,
    lambda row: json.dumps(row).replace("/", "\\/"),
    lambda row: json.dumps(row, ensure_ascii=False, sort_keys=True),
    lambda row: " " + json.dumps(row, separators=(" , ", " :\t")) + "  ",
)


def hard_rows(examples: list[Example], count: int, seed: object) -> Iterator[bytes]:
    """Lines of a file as hard as real ones get: examples with extra keys, duplicates,
    near-duplicates, faults and odd characters, in any spelling."""
    source = random.Random(f"hard: {seed}")
    recent: list[Example] = []
    for number in range(count):
        example = _one_of(examples, recent, source)
        row: object = example
        if source.random() < SPOILED_SHARE:
            row = with_fault(example, source)
        elif source.random() < 0.2:
            row = with_odd_characters(example, source)
        if isinstance(row, dict) and source.random() < 0.1:
            row = {**row, "id": number, "meta": {"tags": ["a", None, 1.5], "ok": True}}
        yield _line(row, source)
        if source.random() < 0.01:
            yield source.choice([b"", b"   ", b"\t"])


def _one_of(
    examples: list[Example], recent: list[Example], source: random.Random
) -> Example:
    chance = source.random()
    if recent and chance < DUPLICATE_SHARE:
        return source.choice(recent)
    if recent and chance < DUPLICATE_SHARE + NEAR_SHARE:
        return near_duplicate(source.choice(recent), source)
    example = source.choice(examples)
    recent.append(example)
    del recent[:-200]
    return example


def _line(row: object, source: random.Random) -> bytes:
    try:
        return source.choice(SPELLINGS)(row).encode()
    except UnicodeEncodeError:  # half a character has an escape alone
        return json.dumps(row).encode()


def single_odd_examples() -> Iterator[Example]:
    """Each group of odd characters as question and as answer."""
    for said in CHARACTERS.values():
        yield exchange(f"What is {said}?", f"It is {said}")
