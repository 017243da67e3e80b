"""A row in any known layout → the canonical object with `messages`."""

import json
from collections import deque
from collections.abc import Mapping
from typing import Any

import msgspec

from datasets.core.faults import catalog
from datasets.core.faults.fault import Fault, keys_of, kind_of, shown
from datasets.core.layouts.columns import Columns

ROLE_OF = {
    "human": "user",
    "user": "user",
    "gpt": "assistant",
    "chatgpt": "assistant",
    "assistant": "assistant",
    "bot": "assistant",
    "bing": "assistant",
    "bard": "assistant",
    "model": "assistant",
    "system": "system",
    "developer": "developer",
    "observation": "tool",
    "tool": "tool",
    "function": "tool",
    "function_response": "tool",
}
CALLS = ("function_call", "tool_call", "tool_calls")


def convert(row: Mapping[str, Any], columns: Columns) -> dict[str, Any]:
    """The canonical object, with all other keys kept. Raises Fault."""
    used = set(columns.named.values())
    messages = _system(row, columns) + _messages(row, columns)
    extra = {key: value for key, value in row.items() if key not in used}
    extra.pop("messages", None)
    if "tools" in extra:
        extra["tools"] = _tools(extra["tools"])
    return {"messages": messages, **extra}


def _system(row: Mapping[str, Any], columns: Columns) -> list[dict[str, Any]]:
    content = row.get(columns.system) if columns.system else None
    if not content:
        return []
    return [{"role": "system", "content": _text(content, columns.system or "")}]


def _messages(row: Mapping[str, Any], columns: Columns) -> list[dict[str, Any]]:
    if columns.messages is None:
        return _exchange(row, columns)
    value = row.get(columns.messages)
    if isinstance(value, str):
        value = _json(value, columns.messages)
    if not isinstance(value, list) or not value:
        raise Fault(
            catalog.MESSAGES,
            field=columns.messages,
            found=kind_of(value),
            expected="a list of messages",
            fix="write one object with 'from' and 'value' for each",
        )
    turns = _Turns()
    return [turns.message(item, place) for place, item in enumerate(value)]


def _exchange(row: Mapping[str, Any], columns: Columns) -> list[dict[str, Any]]:
    user, assistant = columns.user or "", columns.assistant or ""
    missing = [name for name in (user, assistant) if name not in row]
    if missing:
        raise Fault(
            catalog.MESSAGES,
            found=f"the key {missing[0]!r} is missing",
            expected=f"{user!r} and {assistant!r}, found {keys_of(dict(row))}",
            fix="write both",
        )
    question = _text(row[user], user)
    context = row.get(columns.context) if columns.context else None
    if context:
        question = f"{question}\n\n{_text(context, columns.context or '')}"
    return [
        *_history(row.get(columns.history) if columns.history else None),
        {"role": "user", "content": question},
        {"role": "assistant", "content": _text(row[assistant], assistant)},
    ]


def _history(value: Any) -> list[dict[str, Any]]:
    if not value:
        return []
    pairs = value if isinstance(value, list) else [value]
    if not all(isinstance(pair, list) and len(pair) == 2 for pair in pairs):
        raise Fault(
            catalog.MESSAGES,
            field="history",
            found="not a list of pairs",
            expected='earlier exchanges such as [["question", "answer"]]',
            fix="write each as a pair",
        )
    texts = [_text(part, "history") for pair in pairs for part in pair]
    return [
        {"role": ("user", "assistant")[place % 2], "content": text}
        for place, text in enumerate(texts)
    ]


def _text(value: Any, name: str) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool | int | float):
        return msgspec.json.encode(value).decode()  # a label: 3 reads as "3"
    raise Fault(catalog.CONTENT, field=name, found=kind_of(value))


def _tools(value: Any) -> Any:
    """Tools in OpenAI's format; ShareGPT has them as JSON text without a type."""
    if isinstance(value, str):
        value = _json(value, "tools") if value.strip() else []
    if not isinstance(value, list):
        return value
    return [
        {"type": "function", "function": tool}
        if isinstance(tool, dict) and "name" in tool and "function" not in tool
        else tool
        for tool in value
    ]


def _json(text: str, name: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        raise Fault(
            catalog.JSON,
            field=name,
            found="text that is not valid JSON",
            expected="a JSON list",
            fix="write it as JSON",
        ) from None


class _Turns:
    """Converts the messages of one conversation; numbers calls and their results."""

    def __init__(self) -> None:
        self.calls = 0
        self.open: deque[str] = deque()

    def message(self, item: Any, place: int) -> dict[str, Any]:
        if not isinstance(item, dict):
            raise Fault(
                catalog.MESSAGE,
                place,
                found=kind_of(item),
                expected="an object with 'from' and 'value'",
                fix="write one object for each turn",
            )
        if "role" in item:
            return item
        speaker, value = item.get("from"), item.get("value")
        rest = {key: item[key] for key in item if key not in {"from", "value"}}
        if speaker in CALLS:
            return {**self._call(value, place), **rest}
        role = ROLE_OF.get(speaker.lower()) if isinstance(speaker, str) else None
        if role is None:
            raise _unknown_speaker(speaker, place)
        if role == "tool":
            return {"role": role, **self._answered(), "content": value, **rest}
        return {"role": role, "content": value, **rest}

    def _call(self, value: Any, place: int) -> dict[str, Any]:
        found = (
            _json(value, f"messages[{place}].value")
            if isinstance(value, str)
            else value
        )
        calls = found if isinstance(found, list) else [found]
        if not calls or not all(isinstance(c, dict) and "name" in c for c in calls):
            raise Fault(
                catalog.ARGUMENTS,
                place,
                found=f"a call without a name ({kind_of(found)})",
                expected='a call such as {"name": "f", "arguments": {}}',
                fix="write the call as JSON",
            )
        self.open.clear()
        return {
            "role": "assistant",
            "content": None,
            "tool_calls": [self._tool_call(call) for call in calls],
        }

    def _tool_call(self, call: dict[str, Any]) -> dict[str, Any]:
        self.calls += 1
        key = f"call_{self.calls}"
        self.open.append(key)
        arguments = call.get("arguments", {})
        text = arguments if isinstance(arguments, str) else _spaced(arguments)
        function = {"name": call["name"], "arguments": text}
        return {"id": key, "type": "function", "function": function}

    def _answered(self) -> dict[str, str]:
        return {"tool_call_id": self.open.popleft()} if self.open else {}


def _spaced(value: Any) -> str:
    """JSON in Python's spacing, which is how models see arguments in training data."""
    return json.dumps(value, ensure_ascii=False)


def _unknown_speaker(speaker: Any, place: int) -> Fault:
    return Fault(
        catalog.ROLE,
        place,
        "from",
        found=shown(speaker),
        expected=f"one of {', '.join([*ROLE_OF, CALLS[0]])}",
        fix="name who speaks",
    )
