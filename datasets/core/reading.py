"""One row of JSON text → a conversation and its faults; the common case is fast."""

from typing import Annotated, Any

import msgspec

from datasets.core.conversations import Conversation, Message
from datasets.core.faults import Fault
from datasets.core.parsing import MAX_DEPTH, decode
from datasets.core.structure import (
    MAX_MESSAGES,
    MAX_WHITE_SPACE,
    examine,
    trainable_faults,
)


class _Message(Message, forbid_unknown_fields=True, gc=False):
    """As `Message`, decoded only when there is nothing else in the object."""


class _Conversation(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    messages: Annotated[
        list[_Message], msgspec.Meta(min_length=1, max_length=MAX_MESSAGES)
    ]
    tools: Any = None
    parallel_tool_calls: Any = None


_decoder = msgspec.json.Decoder(_Conversation)


def read(text: bytes) -> tuple[Conversation | None, list[Fault]]:
    """The conversation, if there is one, and every fault of the row's form.

    Raises UnicodeDecodeError when `text` is not UTF-8.
    """
    found = _plain(text)
    if found is not None:
        return found, []
    try:
        value = decode(text)
    except Fault as fault:
        return None, [fault]
    return examine(value)


def _plain(text: bytes) -> Conversation | None:
    """The conversation of a row without fault or peculiarity; None for any other."""
    try:
        found = _decoder.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    messages = found.messages
    for message in messages:
        content = message.content
        if not isinstance(content, str):
            if content is not None or not message.calls:
                return None
        elif len(content) >= MAX_WHITE_SPACE:
            return None
    if b"\\u0000" in text or trainable_faults(messages):  # type: ignore[arg-type]  # a list is not covariant
        return None
    if text.count(b"[") + text.count(b"{") > MAX_DEPTH and _has_more(found):
        return None
    return Conversation(messages, found.tools)  # type: ignore[arg-type]


def _has_more(found: _Conversation) -> bool:
    """Whether there is a part whose depth the types do not limit."""
    return found.tools is not None or any(
        message.tool_calls is not None
        or message.function_call is not None
        or message.tool_call_id is not None
        or message.name is not None
        or message.weight is not None
        for message in found.messages
    )


def parse(text: bytes) -> Conversation:
    """The conversation in `text`; raises its first Fault when it is no example."""
    conversation, faults = read(text)
    if faults or conversation is None:
        raise faults[0]
    return conversation


_stored = msgspec.json.Decoder(Conversation)


def stored(line: bytes) -> Conversation:
    """The conversation of a canonical line, which was checked when it was written."""
    return _stored.decode(line)
