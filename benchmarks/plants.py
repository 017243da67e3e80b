"""Ways to spoil a good conversation, one for each kind of fault.

Each takes a conversation (`messages`, user and assistant in turn) and a random source
and returns a spoiled copy, or None where this conversation cannot be spoiled so.
"""

import copy
import json
import random
import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from datasets.core.faults.catalog import KINDS

Example = dict[str, Any]
Plant = Callable[[Example, random.Random], Any]

PLANTS: dict[str, Plant] = {}
FORMS: dict[str, Plant] = {}  # whose rows are hardly conversations any more


def plant(kind: str, plants: dict[str, Plant] = PLANTS) -> Callable[[Plant], Plant]:
    def add(function: Plant) -> Plant:
        def planted(example: Example, source: random.Random) -> Any:
            return function(copy.deepcopy(example), source)

        plants[kind] = planted
        return planted

    return add


def _any(example: Example, source: random.Random, role: str) -> dict[str, Any]:
    return source.choice([m for m in example["messages"] if m["role"] == role])


def _call(key: str) -> Example:
    function = {"name": "find", "arguments": json.dumps({"text": "x"})}
    call = {"id": key, "type": "function", "function": function}
    return {"role": "assistant", "content": None, "tool_calls": [call]}


def _result(key: str) -> Example:
    return {"role": "tool", "tool_call_id": key, "content": "{}"}


@plant("role_case")
def _role_case(example: Example, source: random.Random) -> Example:
    message = source.choice(example["messages"])
    message["role"] = source.choice([str.upper, str.title])(message["role"])
    return example


@plant("role")
def _role(example: Example, source: random.Random) -> Example:
    source.choice(example["messages"])["role"] = source.choice(["human", "bot", "", 3])
    return example


@plant("system_not_first")
def _system_not_first(example: Example, source: random.Random) -> Example:
    place = source.randint(1, len(example["messages"]) - 1)
    system = {"role": "system", "content": "Be brief."}
    example["messages"].insert(place, system)
    return example


@plant("same_role_twice")
def _same_role_twice(example: Example, source: random.Random) -> Example:
    place = source.randrange(len(example["messages"]))
    role = example["messages"][place]["role"]
    example["messages"].insert(place, {"role": role, "content": "One more thing."})
    return example


@plant("assistant_first")
def _assistant_first(example: Example, source: random.Random) -> Example:
    hello = {"role": "assistant", "content": "Hello, how can I help?"}
    example["messages"].insert(0, hello)
    return example


@plant("last_not_assistant")
def _last_not_assistant(example: Example, source: random.Random) -> Example:
    example["messages"].append({"role": "user", "content": "Thank you."})
    return example


@plant("no_assistant")
def _no_assistant(example: Example, source: random.Random) -> Example:
    messages = [m for m in example["messages"] if m["role"] != "assistant"]
    return {**example, "messages": messages}


@plant("no_user")
def _no_user(example: Example, source: random.Random) -> Example:
    messages = [m for m in example["messages"] if m["role"] != "user"]
    return {**example, "messages": messages}


@plant("empty_answer")
def _empty_answer(example: Example, source: random.Random) -> Example:
    blank = source.choice(["", " ", "\n\n", "\u3000"])
    _any(example, source, "assistant")["content"] = blank
    return example


@plant("blank_message")
def _blank_message(example: Example, source: random.Random) -> Example:
    _any(example, source, "user")["content"] = source.choice(["", "  ", "\t"])
    return example


@plant("null_content")
def _null_content(example: Example, source: random.Random) -> Example:
    source.choice(example["messages"])["content"] = None
    return example


@plant("media")
def _media(example: Example, source: random.Random) -> Example:
    kind = source.choice(["image_url", "input_audio"])
    _any(example, source, "user")["content"] = [
        {"type": "text", "text": "What is it?"}, {"type": kind, kind: {"url": "x"}},
    ]  # fmt: skip
    return example


@plant("object", FORMS)
def _object(example: Example, source: random.Random) -> Any:
    # No list: a file that begins with one is an array.
    return source.choice(["text", 7, True])


@plant("messages", FORMS)
def _messages(example: Example, source: random.Random) -> Example:
    return {**example, "messages": source.choice([[], "text", {"role": "user"}, None])}


@plant("message", FORMS)
def _message(example: Example, source: random.Random) -> Example:
    place = source.randrange(len(example["messages"]))
    example["messages"][place] = source.choice(["text", 7, None, ["user", "text"]])
    return example


@plant("content", FORMS)
def _content(example: Example, source: random.Random) -> Example:
    source.choice(example["messages"])["content"] = source.choice([7, True, {"a": 1}])
    return example


@plant("nul", FORMS)
def _nul(example: Example, source: random.Random) -> Example:
    source.choice(example["messages"])["content"] += "\0"
    return example


@plant("surrogate", FORMS)
def _surrogate(example: Example, source: random.Random) -> Example:
    source.choice(example["messages"])["content"] += source.choice(["\ud800", "\udfff"])
    return example


@plant("depth", FORMS)
def _depth(example: Example, source: random.Random) -> Example:
    deep: Any = []
    for _ in range(100):
        deep = [deep]
    return {**example, "extra": deep}


@plant("tool_result_without_call")
def _result_without_call(example: Example, source: random.Random) -> Example:
    example["messages"].insert(1, _result("call_1"))
    return example


@plant("tool_call_id")
def _tool_call_id(example: Example, source: random.Random) -> Example:
    example["messages"][1:1] = [_call("call_1"), _result("call_2")]
    return example


@plant("arguments")
def _arguments(example: Example, source: random.Random) -> Example:
    call = _call("call_1")
    broken = source.choice(["{'text': 'x'}", "{", "text=x", "[1]", ""])
    call["tool_calls"][0]["function"]["arguments"] = broken
    example["messages"][1:1] = [call, _result("call_1")]
    return example


@plant("tool_call")
def _tool_call(example: Example, source: random.Random) -> Example:
    call = _call("call_1")
    del call["tool_calls"][0]["function"]["name"]
    example["messages"][1:1] = [call, _result("call_1")]
    return example


@plant("weight")
def _weight(example: Example, source: random.Random) -> Example:
    weight = source.choice([2, -1, 0.5, "1", True])
    _any(example, source, "assistant")["weight"] = weight
    return example


CONTROL = ["<|im_end|>", "<|im_start|>", "<think>", "</think>", "<|eot_id|>",
           "<end_of_turn>", "[INST]", "<|endoftext|>", "<<SYS>>"]  # fmt: skip


@plant("control_token")
def _control_token(example: Example, source: random.Random) -> Example:
    message = source.choice(example["messages"])
    words = message["content"].split(" ")
    words.insert(source.randint(0, len(words)), source.choice(CONTROL))
    message["content"] = " ".join(words)
    return example


@plant("mojibake")
def _mojibake(example: Example, source: random.Random) -> Example:
    message = source.choice(example["messages"])
    word = source.choice(["café", "naïve", "it’s", "“so”", "Größe", "señor", "привет"])
    wrong = word.encode().decode("cp1252", errors="replace")
    message["content"] = f"{message['content']} {wrong}"
    return example


def _answer(texts: Sequence[str], example: Example, source: random.Random) -> Example:
    text = source.choice(texts)
    _any(example, source, "assistant")["content"] = text
    return example


for _kind in KINDS.values():
    if _kind.examples:
        plant(_kind.name)(partial(_answer, _kind.examples))


@plant("truncated")
def _truncated(example: Example, source: random.Random) -> Example | None:
    """Cuts prose in the middle of a sentence, after at least two whole ones."""
    long = [m for m in example["messages"]
            if m["role"] == "assistant" and _cuts(m["content"])]  # fmt: skip
    if not long:
        return None
    message = source.choice(long)
    message["content"] = message["content"][: source.choice(_cuts(message["content"]))]
    return example


def _cuts(text: str) -> list[int]:
    """Where a word ends that is at least the seventh of a line of ASCII prose."""
    if not text.isascii() or "```" in text:
        return []
    return [
        match.end()
        for match in re.finditer(r"[a-z]{2,}(?= [a-z])", text)
        if match.end() >= 120
        and len(text[text.rfind("\n", 0, match.end()) + 1 : match.end()].split()) >= 7
        and len(re.findall(r"[a-z][.!?] ", text[: match.end()])) >= 2
        and re.match(r"[A-Z]", text[text.rfind("\n", 0, match.end()) + 1 :])
    ]
