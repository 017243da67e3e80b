"""One JSON object → one conversation, or the sentence that says what is wrong."""

import json
import re
from collections.abc import Iterator
from typing import Any

import msgspec

from datasets.core.conversations import ROLES, Conversation, Message
from datasets.core.formats import STRUCTURE

MAX_DEPTH = 64
MAX_MESSAGES = 2_000
MAX_SHOWN_CHARACTERS = 40
MAX_WHITE_SPACE = 200_000  # characters in one run; tiktoken's regex fails near 500,000
WHITE_SPACE_RUN = re.compile(rf"\s{{{MAX_WHITE_SPACE}}}")
SURROGATE = re.compile("[\ud800-\udfff]")

_decoder = msgspec.json.Decoder()


class Fault(Exception):
    """Why a line is no trainable example."""

    def __init__(self, kind: str, sentence: str) -> None:
        super().__init__(sentence)
        self.kind = kind
        self.sentence = sentence


def parse(text: bytes) -> Conversation:
    """The conversation in `text`, one JSON object in UTF-8; Fault when it is none.

    Raises UnicodeDecodeError when `text` is not UTF-8.
    """
    return conversation(decode(text))


def decode(text: bytes) -> Any:
    """Strict JSON (RFC 8259) with limits that every later reader can live with."""
    _check_depth(text)
    try:
        value = _decoder.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _explained(text, error) from None
    if b"\\u0000" in text and any("\0" in string for string in _strings(value)):
        raise Fault(
            "nul", "a NUL character (\\u0000) is in the text; remove it, "
            "databases refuse it."
        )  # fmt: skip
    return value


def _check_depth(text: bytes) -> None:
    if text.count(b"[") + text.count(b"{") <= MAX_DEPTH:
        return
    depth = 0
    for match in STRUCTURE.finditer(text):
        token = match[0]
        if token in b"[{":
            depth += 1
        elif token in b"]}":
            depth -= 1
        if depth > MAX_DEPTH:
            raise Fault(
                "depth", f"the JSON is nested more than {MAX_DEPTH} levels deep; "
                "flatten it."
            )  # fmt: skip


def _explained(text: bytes, error: Exception) -> Fault:
    """The decoder's refusal in words; its own are about bytes, not about data."""
    decoded = text.decode()  # not UTF-8: the caller knows the place in the file
    if isinstance(error, msgspec.ValidationError):
        return Fault(
            "number", "a number is too large to be kept exactly; "
            "write it as a string."
        )  # fmt: skip
    try:
        value = json.loads(decoded, parse_constant=_refuse_constant)
    except json.JSONDecodeError as fault:
        return Fault("json", f"not valid JSON: {_place(fault)}")
    except (ValueError, RecursionError) as fault:
        return Fault("json", f"not valid JSON: {fault}; expected plain JSON values.")
    if any(SURROGATE.search(string) for string in _strings(value)):
        return Fault(
            "surrogate", "the text holds an unpaired surrogate (\\ud800 to \\udfff), "
            "half of a character; write the whole character."
        )  # fmt: skip
    return Fault("json", "not valid JSON: expected one object such as "
                 '{"messages": [...]}.')  # fmt: skip


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON value")


def _place(fault: json.JSONDecodeError) -> str:
    if fault.msg.startswith("Extra data"):
        return f"text follows the object at column {fault.colno:,}; one object a line."
    return f"{fault.msg} at column {fault.colno:,}."


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, part in value.items():
            yield key
            yield from _strings(part)
    elif isinstance(value, list):
        for part in value:
            yield from _strings(part)


def conversation(value: Any) -> Conversation:
    if not isinstance(value, dict):
        raise Fault("object", f"expected an object, found {kind_of(value)}.")
    if "messages" not in value:
        raise Fault(
            "messages", "the key 'messages' is missing; expected a list of messages "
            f"under it, found {_keys(value)}."
        )  # fmt: skip
    messages = value["messages"]
    if not isinstance(messages, list) or not messages:
        raise Fault(
            "messages", f"'messages' is {kind_of(messages)}; expected a list of at "
            "least one user and one assistant message."
        )  # fmt: skip
    if len(messages) > MAX_MESSAGES:
        raise Fault(
            "messages", f"'messages' has {len(messages):,} entries; at most "
            f"{MAX_MESSAGES:,} are read, split the conversation."
        )  # fmt: skip
    read = tuple(_message(item, place) for place, item in enumerate(messages))
    found = Conversation(read, has_tools=bool(value.get("tools")))
    _check_trainable(found)
    return found


def _message(item: Any, place: int) -> Message:
    where = f"messages[{place}]"
    if not isinstance(item, dict):
        raise Fault("message", f"{where} is {kind_of(item)}; expected an object with "
                    "'role' and 'content'.")  # fmt: skip
    role = item.get("role")
    if not isinstance(role, str) or role not in ROLES:
        raise Fault("role", f"{where}.role is {_shown(role)}; expected one of "
                    f"{', '.join(ROLES)}.")  # fmt: skip
    calls = item.get("tool_calls") or item.get("function_call")
    tool_calls = msgspec.json.encode(calls, order="sorted") if calls else b""
    content = _content(item.get("content"), where)
    if content and len(content) >= MAX_WHITE_SPACE and WHITE_SPACE_RUN.search(content):
        raise Fault("white_space", f"{where}.content has {MAX_WHITE_SPACE:,} or more "
                    "white-space characters in a row; shorten the run.")  # fmt: skip
    if content is None and not tool_calls:
        raise Fault("content", f"{where}.content is missing or null; expected text, "
                    "or tool_calls beside it.")  # fmt: skip
    return Message(role, content, tool_calls)


def _content(value: Any, where: str) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if not isinstance(value, list):
        raise Fault("content", f"{where}.content is {kind_of(value)}; expected text.")
    parts = [_text_part(part, f"{where}.content[{n}]") for n, part in enumerate(value)]
    return "".join(parts)


def _text_part(part: Any, where: str) -> str:
    if isinstance(part, dict) and isinstance(part.get("text"), str):
        return str(part["text"])
    kind = part.get("type") if isinstance(part, dict) else part
    raise Fault("content", f"{where} is {_shown(kind)}; only parts of type 'text' are "
                "supported, images and audio are not.")  # fmt: skip


def _check_trainable(found: Conversation) -> None:
    if not found.user_turns:
        raise Fault("user", "no message has the role 'user'; expected at least one "
                    "question for the model to answer.")  # fmt: skip
    answers = [message for message in found.messages if message.role == "assistant"]
    if not answers:
        raise Fault("assistant", "no message has the role 'assistant'; expected at "
                    "least one answer to learn from.")  # fmt: skip
    if all(answer.is_blank for answer in answers):
        raise Fault("answer", "every assistant message is empty; expected at least "
                    "one with text or tool calls.")  # fmt: skip


def kind_of(value: object) -> str:
    names = {dict: "an object", list: "a list", str: "a string", type(None): "null"}
    if isinstance(value, list) and not value:
        return "an empty list"
    if isinstance(value, bool):
        return "true" if value else "false"
    return names.get(type(value), "a number")


def _keys(value: dict[str, Any]) -> str:
    names = ", ".join(_shown(key) for key in list(value)[:5])
    return f"the keys {names}" if names else "no key"


def _shown(value: object) -> str:
    if not isinstance(value, str):
        return kind_of(value)
    if len(value) > MAX_SHOWN_CHARACTERS:
        value = value[:MAX_SHOWN_CHARACTERS] + "…"
    return repr(value)
