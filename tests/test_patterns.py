"""No pattern can be made slow: each is fed what is made to make it so.

A pattern that goes back over what it has read may take time that grows with the square
of a text, or worse. The baits are derived from the patterns themselves: what nearly
matches, again and again, and without end.
"""

import ast
import importlib
import pkgutil
import re
import time
from random import Random
from re import _constants as op
from re import _parser as parser

import pytest

from tests.conftest import REPO

APPS = ("datasets", "recommender", "notebooks", "jobs", "slmgen")
SIZES = (8_000, 16_000, 32_000)  # characters
MOST_GROWTH = 1.3  # times what is linear
FAST_SECONDS = 0.004  # for the largest bait: nothing that grows faster is there
SECONDS_PER_MB = 2.0
MOST_BAITS = 800
WORST = 5  # baits that are looked at closely
SEPARATORS = ("", " ", "-", ".", "!", "\n", '"', "\u00e9")
SPARE = "a1 -._\n!Z,:/@\\\u00e9\u3002"


def modules():
    for app in APPS:
        package = importlib.import_module(app)
        for found in pkgutil.walk_packages(package.__path__, f"{app}."):
            if not re.search(
                r"\.(migrations|management|source|asgi|wsgi|messenger|messages"
                r"|preload)\b",
                found.name,
            ):
                yield importlib.import_module(found.name)


def patterns_in(value, depth=3):
    if isinstance(value, re.Pattern):
        yield value
    elif depth and isinstance(value, dict):
        for part in value.values():
            yield from patterns_in(part, depth - 1)
    elif depth and isinstance(value, list | tuple | set | frozenset):
        for part in value:
            yield from patterns_in(part, depth - 1)
    elif depth and hasattr(value, "__dataclass_fields__"):
        for name in value.__dataclass_fields__:
            yield from patterns_in(getattr(value, name, None), depth - 1)


def patterns():
    found = {}
    for module in modules():
        for name, value in vars(module).items():
            for pattern in patterns_in(value):
                found.setdefault(pattern, f"{module.__name__}.{name}")
    return found


PATTERNS = patterns()


def in_set(members, character):
    """Whether a set of a parsed pattern has a character."""
    categories = {
        op.CATEGORY_DIGIT: str.isdigit,
        op.CATEGORY_SPACE: str.isspace,
        op.CATEGORY_WORD: lambda c: c.isalnum() or c == "_",
    }
    has = any(
        (kind is op.LITERAL and chr(value) == character)
        or (kind is op.RANGE and value[0] <= ord(character) <= value[1])
        or (
            kind is op.CATEGORY
            and (categories[value](character) if value in categories else True)
        )
        for kind, value in members
    )
    return has != any(kind is op.NEGATE for kind, _ in members)


def one_of(members):
    kind, value = members[0]
    if kind is op.LITERAL:
        return chr(value)
    if kind is op.RANGE:
        return chr(value[0])
    return next((c for c in SPARE if in_set(members, c)), "a")


SIMPLE = {
    op.LITERAL: chr,
    op.NOT_LITERAL: lambda code: next(c for c in SPARE if ord(c) != code),
    op.ANY: lambda _: "a",
    op.IN: one_of,
}
GROUPS = (op.SUBPATTERN, op.ATOMIC_GROUP)
REPEATS = (op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT)


def example(tree, prefix, found, turn):
    """A text that the tree matches; `found` gets what stands before each repetition and
    what is repeated. `turn` chooses among alternatives."""
    text = ""
    for kind, value in tree:
        here = prefix + text
        if kind in SIMPLE:
            text += SIMPLE[kind](value)
        elif kind is op.BRANCH:
            options = [example(each, here, found, turn) for each in value[1]]
            found += [(here + option, "") for option in options]
            text += options[turn % len(options)]
        elif kind in GROUPS:
            inner = value[3] if kind is op.SUBPATTERN else value
            text += example(inner, here, found, turn)
        elif kind in REPEATS:
            least, _, inner = value
            part = example(inner, here, found, turn)
            found.append((here, part))
            text += part * min(max(least, 1), 40)
        found.append((prefix + text, ""))
    return text


def baits(pattern):
    """Pieces that are repeated, each to be filled up to any size: what comes before,
    what is repeated, what ends it."""
    source = pattern.pattern
    text = source.decode("latin-1") if isinstance(source, bytes) else source
    tree = parser.parse(
        text,
        pattern.flags & ~re.UNICODE if isinstance(source, bytes) else pattern.flags,
    )
    found = []
    for turn in range(4):
        found.append((example(tree, "", found, turn), ""))
    for prefix, pump in dict.fromkeys(found):
        if pump:
            yield from ((prefix, pump, end) for end in ("", "!", "\n"))
        for separator in SEPARATORS:
            for times in (0, 1, 24, 300) if pump else (0,):
                if piece := prefix + pump * times + separator:
                    yield "", piece, ""


def filled(bait, size):
    prefix, pump, end = bait
    return prefix + pump * max((size - len(prefix)) // len(pump), 1) + end


def seconds(pattern, text, tries=1):
    """CPU time of looking for all matches, the least of several tries."""
    if isinstance(pattern.pattern, bytes):
        text = text.encode()
    least = float("inf")
    for _ in range(tries):
        begun = time.thread_time()
        for _ in pattern.finditer(text):
            pass
        least = min(least, time.thread_time() - begun)
    return least


@pytest.mark.parametrize("pattern", PATTERNS, ids=PATTERNS.values())
def test_a_pattern_takes_time_in_proportion_to_its_bait(pattern):
    found = list(dict.fromkeys(baits(pattern)))
    chosen = Random(1).sample(found, min(len(found), MOST_BAITS))
    texts = {bait: filled(bait, SIZES[0]) for bait in chosen}
    first = {bait: seconds(pattern, text) for bait, text in texts.items()}
    for bait in sorted(first, key=first.__getitem__)[-WORST:]:
        most = SECONDS_PER_MB * SIZES[0] / 10**6
        assert seconds(pattern, texts[bait], tries=3) < most, bait
        if seconds(pattern, filled(bait, SIZES[-1])) < FAST_SECONDS:
            continue
        taken = [seconds(pattern, filled(bait, size), tries=5) for size in SIZES]

        assert taken[-1] < MOST_GROWTH * taken[0] * SIZES[-1] / SIZES[0], bait


def test_every_pattern_has_a_name():
    """One inside a function would not be found here."""
    hidden = []
    for app in APPS:
        for path in (REPO / app).rglob("*.py"):
            if {"migrations", "source"} & set(path.parts):
                continue
            tree = ast.parse(path.read_text())
            inside = {
                node
                for function in ast.walk(tree)
                if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
                for node in ast.walk(function)
            }
            hidden += [
                f"{path.relative_to(REPO)}:{node.lineno}"
                for node in inside
                if isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and isinstance(node.func.value, ast.Name)
                and node.func.value.id == "re"
                and node.args
                and isinstance(node.args[0], ast.Constant | ast.JoinedStr)
                and node.func.attr != "escape"
            ]

    assert hidden == []
