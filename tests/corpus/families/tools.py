"""Conversations with functions: calls with ids, results, tools as a list, messages
without content; some ask back first, some call twice, some need no function."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from tests.corpus.forms import Example
from tests.corpus.grammar import Grammar

COUNT = 300
DUPLICATES = 38  # rows that repeat an earlier one
EMAILS = 17  # messages with an address in them

Arguments = dict[str, Any]


@dataclass(frozen=True)
class Function:
    name: str
    about: str
    arguments: Callable[[Grammar], Arguments]
    ask: str  # symbols of the grammar
    answer: str
    result: Callable[[Grammar, Arguments], dict[str, Any]]

    def tool(self, words: Grammar) -> dict[str, Any]:
        properties = {
            key: {"type": "integer" if isinstance(value, int) else "string"}
            for key, value in self.arguments(words).items()
        }
        parameters = {
            "type": "object", "properties": properties, "required": list(properties)
        }  # fmt: skip
        function = {
            "name": self.name, "description": self.about, "parameters": parameters
        }  # fmt: skip
        return {"type": "function", "function": function}


def _picked(*symbols: str) -> Callable[[Grammar], Arguments]:
    return lambda words: {symbol: words.say(symbol) for symbol in symbols}


FUNCTIONS = (
    Function("weather", "Forecast for a city", _picked("city", "day"), "ask_weather",
             "tell_weather", lambda words, given: {
                 "celsius": words.source.randint(-9, 34), "sky": words.say("sky")}),
    Function("find_train", "Next train between two cities",
             _picked("city", "destination", "day"), "ask_train", "tell_train",
             lambda words, given: {"leaves": words.say("clock"),
                                   "platform": words.source.randint(1, 18)}),
    Function("convert_money", "Amount in another currency",
             lambda words: {"amount": words.source.randint(3, 9_000),
                            "currency": words.say("currency")},
             "ask_money", "tell_money", lambda words, given: {
                 "total": round(given["amount"] * words.source.uniform(0.4, 9), 2)}),
    Function("search_books", "Books of a library by subject", _picked("subject"),
             "ask_books", "tell_books", lambda words, given: {
                 "books": [{"title": words.say("title", subject=given["subject"]),
                            "shelf": f"{words.source.randint(1, 40)}-B"}
                           for _ in range(words.source.randint(1, 4))]}),
    Function("reserve_table", "Reserve a table",
             lambda words: {"guests": words.source.randint(1, 14),
                            "day": words.say("day"), "time": words.say("clock")},
             "ask_table", "tell_table", lambda words, given: {
                 "status": "ok", "code": f"T{words.source.randint(100, 999)}"}),
    Function("track_parcel", "Where a parcel is",
             lambda words: {"number": f"PX{words.source.randint(10**5, 10**6)}"},
             "ask_parcel", "tell_parcel",
             lambda words, given: {"place": words.say("city"),
                                   "due": words.say("day")}),
)  # fmt: skip


def tool_calls() -> Iterator[Example]:
    words = Grammar("tools", seed=8)
    made: list[Example] = []
    for number in range(COUNT - DUPLICATES):
        made.append(_conversation(words, with_address=number % 17 == 3))
    copies = words.source.sample(made, DUPLICATES)
    for number, example in enumerate(made):
        yield example
        if number >= len(made) - len(copies):
            yield copies[number - (len(made) - len(copies))]


def _conversation(words: Grammar, *, with_address: bool) -> Example:
    offered = words.source.sample(FUNCTIONS, words.source.randint(1, 3))
    messages: list[dict[str, Any]] = []
    if words.source.random() < 0.2:
        messages += [
            {"role": "user", "content": words.say("hello")},
            {"role": "assistant", "content": words.say("welcome")},
        ]
    for _ in range(words.source.choice((1, 1, 2, 2, 3))):
        messages += _used(words, words.source.choice(offered))
    if words.source.random() < 0.5:
        messages += [
            {"role": "user", "content": words.say("thanks")},
            {"role": "assistant", "content": words.say("end")},
        ]
    if with_address:
        messages[-1] = {**messages[-1], "content": _mailed(words, messages[-1])}
    tools = [function.tool(words) for function in offered]
    return {"messages": _numbered(messages), "tools": tools}


def _used(words: Grammar, function: Function) -> list[dict[str, Any]]:
    """A question, the call, its result and the answer."""
    given = function.arguments(words)
    found = function.result(words, given)
    told = words.say(function.answer, **given, **found, found=json.dumps(found))
    call = {
        "name": function.name,
        "arguments": json.dumps(given, ensure_ascii=False),
    }
    return [
        {"role": "user", "content": words.say(function.ask, **given)},
        {"role": "assistant", "content": None,
         "tool_calls": [{"id": "", "type": "function", "function": call}]},
        {"role": "tool", "tool_call_id": "",
         "content": json.dumps(found, ensure_ascii=False)},
        {"role": "assistant", "content": told},
    ]  # fmt: skip


def _numbered(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    number = 0
    for message in messages:
        if "tool_calls" in message:
            number += 1
            message["tool_calls"][0]["id"] = f"call_{number}"
        if "tool_call_id" in message:
            message["tool_call_id"] = f"call_{number}"
    return messages


def _mailed(words: Grammar, message: dict[str, Any]) -> str:
    return f"{message['content']} {words.say('mailed')}"
