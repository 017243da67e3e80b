"""Instructions of many kinds: role-play and stories, seed tasks, talk about oneself."""

from collections.abc import Iterator

from tests.corpus.forms import Example, exchange, talk
from tests.corpus.grammar import Grammar

ROLE_PLAY = 500
SEED_TASKS = 175
IDENTITY = 90
INTRODUCTIONS = 400


def role_play() -> Iterator[Example]:
    words = Grammar("stories", seed=9)
    for _ in range(ROLE_PLAY):
        here = _here(words)
        long = words.source.choice((4, 5, 6, 7, 9, 12, 20))
        tale = words.sentences("scene", long, **here)
        yield exchange(
            words.say("ask", **here), f"{tale}\n\n{words.say('last', **here)}"
        )


def seed_tasks() -> Iterator[Example]:
    """An instruction, mostly with an input."""
    words = Grammar("stories", seed=10)
    for number in range(SEED_TASKS):
        here = _here(words)
        given = "" if number % 6 == 0 else f"\n\n{words.say('input', **here)}"
        yield exchange(words.say("task") + given, words.say("output", **here))


def _here(words: Grammar) -> dict[str, str]:
    one, two = words.some("hero", 2)
    thing, place = words.say("object"), words.say("place")
    return {
        "hero": one, "hero_two": two, "hero_cap": one.capitalize(), "object": thing,
        "object_cap": thing.capitalize(), "place": place,
    }  # fmt: skip


def identity() -> Iterator[Example]:
    """Introductions with placeholders, English and Chinese."""
    words = Grammar("identity", seed=11)
    seen: set[tuple[str, str]] = set()
    while len(seen) < IDENTITY:
        ask = words.say("ask")
        language = "" if ask.isascii() else "_zh"
        answer, offer = words.say(f"answer{language}"), words.say(f"offer{language}")
        pair = ask, f"{answer} {offer}" if ask.isascii() else answer + offer
        if pair not in seen:
            seen.add(pair)
            yield exchange(*pair)


def introductions() -> Iterator[Example]:
    """One to three exchanges, with few different first answers."""
    words = Grammar("identity", seed=12)
    for _ in range(INTRODUCTIONS):
        turns = [words.say("ask"), words.say("me")]
        for _ in range(words.source.choice((0, 1, 1, 2))):
            turns += words.pair("more", "tell")
        yield talk(turns)
