"""A message for display: long text cut, tool calls in plain form."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from datasets.core.conversation import SYSTEM_ROLES, TOOL_ROLES

SHOWN_CHARACTERS = 1_200
LONGEST_WORD = 60
FOLDED_CHARACTERS = 6_000
SHOWN_MESSAGES = 40  # of one conversation
ROLE_NAMES = {
    "system": "System",
    "developer": "System (developer)",
    "user": "User",
    "assistant": "Assistant",
    "tool": "Tool result",
    "function": "Function result",
}


@dataclass(frozen=True)
class Call:
    name: str
    arguments: str


@dataclass(frozen=True)
class MessageView:
    role: str
    side: str  # system, user, assistant or tool
    name: str
    text: str
    folded: str  # the text after the cut, shown on demand
    left_out: int  # characters after `folded`
    calls: tuple[Call, ...]
    tokens: int
    is_untrained: bool  # an answer with weight 0


def text_of(message: Mapping[str, Any]) -> str:
    """All text of a message, whether a string or parts."""
    content = message.get("content")
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    return "".join(str(part.get("text", "")) for part in parts if _is_object(part))


def message_view(
    message: Mapping[str, Any], tokens: int, folded: int = FOLDED_CHARACTERS
) -> MessageView:
    """The message for display; at most `folded` characters follow the shown ones."""
    role, text = str(message.get("role", "")), text_of(message)
    cut, end = _cut(text), SHOWN_CHARACTERS + folded
    return MessageView(
        role=ROLE_NAMES.get(role, role),
        side=_side(role),
        name=str(message.get("name") or ""),
        text=text[:cut],
        folded=text[cut:end],
        left_out=max(len(text) - end, 0),
        calls=tuple(_calls(message)),
        tokens=tokens,
        is_untrained=role == "assistant" and message.get("weight") == 0,
    )


def _cut(text: str) -> int:
    """Where to cut: after a word, if one ends near the limit."""
    if len(text) <= SHOWN_CHARACTERS:
        return len(text)
    space = text.rfind(" ", SHOWN_CHARACTERS - LONGEST_WORD, SHOWN_CHARACTERS)
    return space + 1 or SHOWN_CHARACTERS


def _side(role: str) -> str:
    if role in SYSTEM_ROLES:
        return "system"
    return "tool" if role in TOOL_ROLES else role


def _calls(message: Mapping[str, Any]) -> Iterator[Call]:
    calls = message.get("tool_calls") or []
    for call in calls if isinstance(calls, list) else [calls]:
        yield _call(call.get("function", call) if _is_object(call) else call)
    if message.get("function_call"):
        yield _call(message["function_call"])


def _call(function: Any) -> Call:
    if not _is_object(function):
        return Call("?", pretty(function))
    return Call(str(function.get("name", "?")), pretty(function.get("arguments")))


def pretty(value: Any) -> str:
    """Indented JSON; other text stays as it is."""
    try:
        if isinstance(value, str):
            value = json.loads(value)
        text = json.dumps(value, ensure_ascii=False, indent=2)
    except (ValueError, RecursionError):  # no JSON, or nested too deeply
        text = str(value)
    return text[:FOLDED_CHARACTERS]


def _is_object(value: Any) -> bool:
    return isinstance(value, dict)
