"""Questions that hold their answer: choices in Japanese, texts in Arabic."""

from collections.abc import Iterator

from tests.corpus.forms import Example, exchange
from tests.corpus.grammar import Grammar

QUIZ = 1_000
TEXTS, QUESTIONS = 200, 5


def quiz() -> Iterator[Example]:
    """Five choices in numbered lines."""
    words = Grammar("japanese", seed=6)
    for _ in range(QUIZ):
        choices = [
            color + thing
            for color, thing in zip(
                words.some("color", 5), words.some("thing", 5), strict=True
            )
        ]
        lines = [f"{number}. {each}" for number, each in enumerate(choices, 1)]
        question = "\n".join([words.say("question"), *lines])
        yield exchange(question, words.source.choice(choices))


def reading() -> Iterator[Example]:
    """Long texts from right to left, each with several questions."""
    words = Grammar("arabic", seed=7)
    for _ in range(TEXTS):
        text, questions = _text(words)
        for question, answer in questions:
            yield exchange(f"{text}\n\n{question}", answer)


def _text(words: Grammar) -> tuple[str, list[tuple[str, str]]]:
    source = words.source
    city, founder, craft = (words.say(each) for each in ("city", "founder", "craft"))
    building, river = words.say("building"), words.say("river")
    year, people = source.randint(870, 1790), source.randint(12, 240) * 100
    text = (
        f"تأسست {city} عام {year} على يد {founder} بالقرب من {river}. "
        f"وعاش فيها نحو {people} نسمة كان معظمهم يعملون في {craft}. "
        f"{words.sentences('more', source.randint(2, 7))} "
        f"وأشهر معالمها {building} التي يزورها الطلاب من البلدان المجاورة."
    )
    return text, [
        (f"متى تأسست {city}؟", f"عام {year}"),
        (f"من أسس {city}؟", founder),
        ("كم كان عدد السكان؟", f"نحو {people} نسمة"),
        ("بماذا اشتغل معظم السكان؟", craft),
        ("ما أشهر معالم المدينة؟", building),
    ]
