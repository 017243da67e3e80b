"""Short messages with one of sixty labels, as many of each: near-duplicates are common,
as they are among what customers really write."""

from collections.abc import Iterator

from tests.corpus.forms import Example, exchange
from tests.corpus.grammar import Grammar, different

MATTERS = ("lost", "broken", "late", "price", "refund", "change", "cancel", "extend",
           "where", "rules")  # fmt: skip
PER_LABEL = 40
SYSTEM = "Name the intent of the customer's message. Answer with the label alone."


def intents(system: str = "") -> Iterator[Example]:
    words = Grammar("intents", seed=3)
    labels = [(m, t) for m in MATTERS for t in words.each("topic")]
    for matter, topic in labels:
        for text in different(
            lambda m=matter, t=topic: _message(words, m, t), PER_LABEL
        ):
            yield exchange(text, f"{matter}_{topic}", system)


def labels() -> int:
    return len(MATTERS) * len(Grammar("intents", seed=3).each("topic"))


def _message(words: Grammar, matter: str, topic: str) -> str:
    the = words.say(topic)
    text = words.say(matter, the=the, the_start=the[0].upper() + the[1:])
    if words.source.random() < 0.3:
        text = words.say("before") + text
    if words.source.random() < 0.3:
        text += words.say("after")
    if words.source.random() < 0.03:
        text = text.replace(". ", ".\n").replace(", ", ",\n")
    if words.source.random() < 0.03:
        text = text.replace(the, f'"{the}"')
    return text
