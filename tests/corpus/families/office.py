"""Office tasks: varied instructions with a text to work on. The cleanest set: no
duplicates, no near-duplicates, no faults."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass

from tests.corpus.families.coding import CODING
from tests.corpus.forms import Example, exchange
from tests.corpus.grammar import Grammar

COUNT = 260
CONTACTS = (  # personal data of people who do not exist, at known places
    "Write to amara.petrov@example.org if you cannot come.",
    "Reach me under dispatch@depot.example.net or in room 12.",
    "The booking code goes to h.lindqvist+hall@example.com as well.",
    "Questions go to floor-2@office.example.org, not to the front desk.",
    "Send the receipt to k_osei@ledger.example.net by Friday.",
    "The janitor is at janitor@example.org during the day.",
    "Call me under +49 30 5550123 before eight.",
)
EMAILS, PHONES = 6, 1  # among them


@dataclass(frozen=True)
class Duty:
    who: str
    what: str
    when: str


def office_tasks() -> Iterator[Example]:
    words = Grammar("office", seed=2)
    makers = list(TASKS.items())
    every = COUNT // (len(CODING) + len(CONTACTS))
    more = iter(CODING)
    contacts = iter(CONTACTS)
    for number in range(COUNT):
        if number % every == 0 and (coding := next(more, None)):
            yield exchange(*coding)
            continue
        task, answer = makers[number % len(makers)]
        duties = _duties(words)
        contact = next(contacts, "") if number % every == 5 else ""
        text = _message(words, duties, contact)
        yield exchange(f"{words.say(task)}\n\n{text}", answer(words, duties))


def _duties(words: Grammar) -> list[Duty]:
    count = words.source.choice((3, 3, 4, 4, 5, 5, 6, 8, 12, 34))
    people = words.some("who", 4)
    return [
        Duty(words.source.choice(people), what, words.say("when"))
        for what in words.some("deed", count)
    ]


def _message(words: Grammar, duties: list[Duty], contact: str) -> str:
    said = [
        words.say(
            "note", who=d.who, deed=d.what, when=d.when, when_start=d.when.capitalize()
        )
        for d in duties
    ]
    said[1:1] = words.some("reason", words.source.randint(1, 3))
    said += [contact] if contact else []
    return "\n".join([words.say("opening"), " ".join(said), words.say("closing")])


def _bullets(words: Grammar, duties: list[Duty]) -> str:
    return "\n".join(f"- {d.who} {d.what} {d.when}" for d in duties)


def _table(words: Grammar, duties: list[Duty]) -> str:
    rows = [f"| {d.who} | {d.what} | {d.when} |" for d in duties]
    return "\n".join(["| Who | What | When |", "|---|---|---|", *rows])


def _json(words: Grammar, duties: list[Duty]) -> str:
    return json.dumps([asdict(duty) for duty in duties], indent=2)


def _mail(words: Grammar, duties: list[Duty]) -> str:
    said = [f"As agreed, {d.who} {d.what} {d.when}." for d in duties[:2]]
    said += [f"{d.who} also {d.what} {d.when}." for d in duties[2:]]
    end = words.say("closing")
    return f"{words.say('opening')}\n\n{' '.join(said)} {words.say('reason')}\n\n{end}"


def _counted(words: Grammar, duties: list[Duty]) -> str:
    counts = Counter(duty.who for duty in duties).most_common()
    most, number = counts[0]
    others = ", ".join(f"{who} {count}" for who, count in counts[1:]) or "nobody else"
    first = next(duty for duty in duties if duty.who == most)
    return (
        f"{most} has the most to do, with {number} of {len(duties)} tasks. "
        f"For example, {most} {first.what} {first.when}. The others are {others}. "
        f"{words.say('remark')} {words.say('reason')}"
    )


def _rewritten(words: Grammar, duties: list[Duty]) -> str:
    said = [f"{d.when.capitalize()} it is {d.who} who {d.what}." for d in duties]
    return f"{words.say('reason')} {' '.join(said)} {words.say('remark')}"


TASKS: dict[str, Callable[[Grammar, list[Duty]], str]] = {
    "list_task": _bullets,
    "mail_task": _mail,
    "count_task": _counted,
    "table_task": _table,
    "rewrite_task": _rewritten,
    "json_task": _json,
}
