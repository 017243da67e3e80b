"""Word problems with numbers: a story of several steps, and the way to its answer."""

import random
from collections.abc import Iterator

from tests.corpus.forms import Example, exchange
from tests.corpus.grammar import Grammar

COUNT = 1_500


def word_problems() -> Iterator[Example]:
    words = Grammar("problems", seed=1)
    for _ in range(COUNT):
        yield exchange(*_problem(words))


def _problem(words: Grammar) -> tuple[str, str]:
    source = words.source
    hero, things = words.say("name"), words.say("things")
    here = {"name": hero, "things": things}
    number = source.randint(12, 400)
    story = [words.say("start", a=number, **here)]
    lines = [words.say("first_line", a=number, **here)]
    for _ in range(source.choice((2, 2, 3, 3, 4, 5, 7))):
        step, by, result = _step(number, source)
        story.append(words.say(step, b=by, **here))
        lines.append(words.say(f"{step}_line", b=by, x=number, y=result))
        number = result
    story.insert(source.randint(1, len(story)), words.say("aside"))
    story.append(words.say("question", **here))
    lines.append(words.say("last_line", y=number, **here))
    return " ".join(story), "\n".join(lines)


def _step(number: int, source: random.Random) -> tuple[str, int, int]:
    """What happens to the number, by how much, and what comes of it."""
    divisors = [by for by in range(2, 13) if number % by == 0 and number > 20 * by]
    step = source.choice(["add", "take", "times", "share"])
    if step == "share" and divisors:
        by = source.choice(divisors)
        return "share", by, number // by
    if step == "take" and number > 10:
        by = source.randint(2, number - 5)
        return "take", by, number - by
    if step == "times" and number < 2_000:
        by = source.randint(2, 6)
        return "times", by, number * by
    by = source.randint(2, 300)
    return "add", by, number + by
