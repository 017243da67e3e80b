"""Sentences from word lists: `{name}` in a text stands for a symbol of the grammar.

A grammar is a TOML file in `words/`. Each key is a symbol, each value its alternatives:
one a line in a text of several lines, or separated by ` | ` in a text of one line. An
alternative may name symbols (`{city}`), ask for a number (`{2..90}`), and hold `\\n`
for a line break. Braces with anything else between them, and double ones, stay.
"""

import random
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path

WORDS = Path(__file__).with_name("words")
SYMBOL = re.compile(r"(?<!\{)\{(\w+|\d+\.\.\d+)\}(?!\})")

Parts = tuple[str, ...]  # text, symbol, text, symbol, …, text


class Grammar:
    """Says symbols at random. The same grammar and seed say the same."""

    def __init__(self, name: str, seed: object) -> None:
        self.symbols = _symbols(name)
        self.source = random.Random(f"{name}: {seed}")

    def say(self, symbol: str, **given: object) -> str:
        """One of the symbol's alternatives; symbols that are given are not chosen."""
        return self._filled(self.source.choice(self.symbols[symbol]), given)

    def pair(self, ask: str, reply: str, **given: object) -> tuple[str, str]:
        """An alternative of one symbol and that in the same place of another."""
        asked, replies = self.symbols[ask], self.symbols[reply]
        assert len(asked) == len(replies), f"{ask} and {reply} differ in length"
        place = self.source.randrange(len(asked))
        return self._filled(asked[place], given), self._filled(replies[place], given)

    def each(self, symbol: str) -> list[str]:
        """All alternatives, in the order of the file."""
        return [self._filled(parts, {}) for parts in self.symbols[symbol]]

    def some(self, symbol: str, count: int) -> list[str]:
        """So many different alternatives."""
        chosen = self.source.sample(self.symbols[symbol], count)
        return [self._filled(parts, {}) for parts in chosen]

    def sentences(self, symbol: str, count: int, **given: object) -> str:
        chosen = self.source.sample(self.symbols[symbol], count)
        return " ".join(self._filled(parts, given) for parts in chosen)

    def _filled(self, parts: Parts, given: Mapping[str, object]) -> str:
        if len(parts) == 1:
            return parts[0]
        said = list(parts)
        for place in range(1, len(parts), 2):
            said[place] = self._word(parts[place], given)
        return "".join(said)

    def _word(self, name: str, given: Mapping[str, object]) -> str:
        if name in given:
            return str(given[name])
        if name in self.symbols:
            return self._filled(self.source.choice(self.symbols[name]), given)
        low, _, high = name.partition("..")
        return str(self.source.randint(int(low), int(high)))


@cache
def _symbols(name: str) -> dict[str, tuple[Parts, ...]]:
    text = (WORDS / f"{name}.toml").read_text(encoding="utf-8")
    return {
        symbol: tuple(map(_parts, _alternatives(written)))
        for symbol, written in tomllib.loads(text).items()
    }


def _alternatives(written: str) -> list[str]:
    if "\n" in written:
        return written.strip("\n").split("\n")
    return written.split(" | ")


def _parts(alternative: str) -> Parts:
    return tuple(SYMBOL.split(alternative.replace("\\n", "\n")))


def different(make: Callable[[], str], count: int) -> Iterator[str]:
    """So many different texts of those that `make` says."""
    seen: set[str] = set()
    tries = 0
    while len(seen) < count:
        tries += 1
        assert tries < 200 * count, f"{make} hardly says more than {len(seen)} texts"
        text = make()
        if text not in seen:
            seen.add(text)
            yield text
