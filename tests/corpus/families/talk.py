"""Talk in Korean and Chinese: short turns, and long conversations."""

from collections.abc import Iterator

from tests.corpus.forms import Example, exchange, talk
from tests.corpus.grammar import Grammar

SMALL_TALK = 4_000
FILM_TALKS = 200


def small_talk() -> Iterator[Example]:
    words = Grammar("korean", seed=4)
    seen: set[tuple[str, str]] = set()
    while len(seen) < SMALL_TALK:
        here = {
            each: words.say(each) for each in ("time", "who", "food", "place", "thing")
        }
        said, reply = words.pair("ask", "reply", **here)
        if words.source.random() < 0.8:
            reply = f"{reply} {words.say('more')}"
        pair = words.say("wrapped", said=said), reply
        if pair not in seen:
            seen.add(pair)
            yield exchange(*pair)


def film_talk() -> Iterator[Example]:
    """About 24 turns each, some of them many more."""
    words = Grammar("chinese", seed=5)
    for _ in range(FILM_TALKS):
        yield talk(_about(words, words.say("film")))


def _about(words: Grammar, film: str) -> list[str]:
    turns = list(words.pair("open", "opened", film=film))
    for _ in range(words.source.choice((6, 8, 9, 10, 10, 11, 12, 14, 40))):
        ask, reply = words.source.choice((("ask", "answer"), ("remark", "reply")))
        here = {each: words.say(each) for each in ("person", "city", "kind", "year")}
        turns += words.pair(ask, reply, film=film, **here)
    return [*turns, *words.pair("bye", "end")]
