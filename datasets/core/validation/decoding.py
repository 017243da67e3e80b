"""One row of JSON text → a conversation and its faults; the common case is fast."""

from typing import Annotated, Any, cast

import msgspec

from datasets.core.conversation import Conversation, Message
from datasets.core.faults.fault import Fault
from datasets.core.readers.json_text import decode, nesting_fault
from datasets.core.validation.schema import (
    MAX_MESSAGES,
    MAX_WHITE_SPACE,
    examine,
    trainable_faults,
)

LENGTHS = msgspec.Meta(min_length=1, max_length=MAX_MESSAGES)


class _Text(Message, forbid_unknown_fields=True, gc=False):
    """A message that is a text and nothing more, as nearly all are."""

    content: str
    tool_calls: None = None
    function_call: None = None
    tool_call_id: None = None
    name: None = None
    weight: None = None


class _TextRow(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    messages: Annotated[list[_Text], LENGTHS]


class _Message(Message, forbid_unknown_fields=True, gc=False):
    """As `Message`, decoded only when there is nothing else in the object."""


class _Row(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    messages: Annotated[list[_Message], LENGTHS]
    tools: Any = None
    parallel_tool_calls: Any = None


class _LooseMessage(Message, gc=False):
    content: str


class _LooseRow(msgspec.Struct, gc=False):
    messages: Annotated[list[_LooseMessage], LENGTHS]
    tools: Any = None


NOT_SUCH = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

_text_decoder = msgspec.json.Decoder(_TextRow)
_loose_decoder = msgspec.json.Decoder(_LooseRow)
_row_decoder = msgspec.json.Decoder(_Row)


def read(text: bytes) -> tuple[Conversation | None, list[Fault]]:
    """The conversation, if there is one, and every fault of the row's form.

    Raises UnicodeDecodeError when `text` is not UTF-8.
    """
    found = _of_texts(text) or _known(text)
    if found is not None:
        return found, []
    try:
        value = decode(text)
    except Fault as fault:
        return None, [fault]
    found = _loose(text)
    return examine(value) if found is None else (found, [])


def _loose(text: bytes) -> Conversation | None:
    """A faultless conversation with other keys, whose values were decoded already."""
    try:
        found = _loose_decoder.decode(text)
    except msgspec.ValidationError:
        return None
    messages = cast("list[Message]", found.messages)
    if len(text) >= MAX_WHITE_SPACE or not _ends_well(messages):
        return None
    return Conversation(messages, found.tools)


def _of_texts(text: bytes) -> Conversation | None:
    """`_known`, where messages are texts alone: there is less to look at."""
    try:
        found = _text_decoder.decode(text)
    except NOT_SUCH:
        return None
    messages = cast("list[Message]", found.messages)
    if has_odd_text(text) or not _ends_well(messages):
        return None
    return Conversation(messages)


def _known(text: bytes) -> Conversation | None:
    """The conversation of a row without fault or unknown keys; None for any other."""
    try:
        found = _row_decoder.decode(text)
    except NOT_SUCH:
        return None
    messages = cast("list[Message]", found.messages)
    if has_odd_text(text) or any(_lacks_text(message) for message in messages):
        return None
    if not _ends_well(messages) and trainable_faults(messages):
        return None
    if _has_more(found, messages) and nesting_fault(text):
        return None
    return Conversation(messages, found.tools)


def has_odd_text(text: bytes) -> bool:
    """Whether there may be a NUL or endless white space."""
    return len(text) >= MAX_WHITE_SPACE or (b"\\" in text and b"\\u0000" in text)


def _lacks_text(message: Message) -> bool:
    """Neither text nor, in its place, calls."""
    if type(message.content) is str:
        return False
    return message.content is not None or not message.calls


def _ends_well(messages: list[Message]) -> bool:
    """Asked and answered, as nearly all conversations are."""
    last = messages[-1]
    if last.role != "assistant" or not last.content or last.content[-1].isspace():
        return False
    return messages[0].role == "user" or any(m.role == "user" for m in messages)


def _has_more(found: _Row, messages: list[Message]) -> bool:
    """Whether there is a part whose size the types do not limit."""
    return found.tools is not None or any(
        message.tool_calls is not None
        or message.function_call is not None
        or message.tool_call_id is not None
        or message.name is not None
        or message.weight is not None
        for message in messages
    )


def parse(text: bytes) -> Conversation:
    """The conversation in `text`; raises its first Fault when it is no example."""
    conversation, faults = read(text)
    if faults or conversation is None:
        raise faults[0]
    return conversation
