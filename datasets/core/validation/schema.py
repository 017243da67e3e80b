"""One decoded object → a conversation and all faults of its structure."""

import re
from typing import Any

from datasets.core.conversation import ROLES, Conversation, Message
from datasets.core.faults import catalog
from datasets.core.faults.fault import Fault, keys_of, kind_of, shown

MAX_MESSAGES = 2_000
MAX_WHITE_SPACE = 200_000  # characters in one run; tiktoken's regex fails near 500,000
WHITE_SPACE_RUN = re.compile(rf"(?<!\s)\s{{{MAX_WHITE_SPACE}}}")
FIELDS = ("tool_calls", "function_call", "tool_call_id", "name", "weight")
MEDIA = ("image_url", "image", "input_image", "input_audio", "audio", "video", "file")


def examine(value: Any) -> tuple[Conversation | None, list[Fault]]:
    """The conversation, and all faults for which it cannot be trained on."""
    fault = _fault_of_object(value)
    if fault is not None:
        return None, [fault]
    faults: list[Fault] = []
    messages = [
        _message(item, place, faults) for place, item in enumerate(value["messages"])
    ]
    if any(message is None for message in messages):
        return None, faults
    read = [message for message in messages if message is not None]
    faults += trainable_faults(read)
    return Conversation(read, value.get("tools")), faults


def _fault_of_object(value: Any) -> Fault | None:
    if not isinstance(value, dict):
        return Fault(catalog.OBJECT, found=f"found {kind_of(value)}")
    if "messages" not in value:
        return Fault(
            catalog.MESSAGES,
            found=f"the key 'messages' is missing, found {keys_of(value)}",
            expected="a list of messages under it",
            fix="rename the key, or upload with a mapping",
        )
    messages = value["messages"]
    if not isinstance(messages, list) or not messages:
        return Fault(catalog.MESSAGES, field="messages", found=kind_of(messages))
    if len(messages) > MAX_MESSAGES:
        return Fault(
            catalog.MESSAGES,
            field="messages",
            found=f"a list of {len(messages):,} messages",
            expected=f"at most {MAX_MESSAGES:,}",
            fix="split the conversation",
        )
    return None


def _message(item: Any, place: int, faults: list[Fault]) -> Message | None:
    if not isinstance(item, dict):
        faults.append(Fault(catalog.MESSAGE, place, found=kind_of(item)))
        return None
    before = len(faults)
    role = item.get("role")
    if not isinstance(role, str) or role not in ROLES:
        faults.append(_role_fault(role, place))
    content = _content(item.get("content"), place, faults)
    rest = {name: item.get(name) for name in FIELDS}
    if len(faults) > before:
        return None
    message = Message(role, content, **rest)  # type: ignore[arg-type]  # one of ROLES, see above
    if fault := content_fault(message, place):
        faults.append(fault)
    return message


def _role_fault(role: Any, place: int) -> Fault:
    meant = role.strip().lower() if isinstance(role, str) else ""
    if meant in ROLES:
        fix = f"write it as {meant!r}"
        return Fault(catalog.ROLE_CASE, place, "role", found=shown(role), fix=fix)
    return Fault(catalog.ROLE, place, "role", found=shown(role))


def _content(value: Any, place: int, faults: list[Fault]) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if not isinstance(value, list):
        faults.append(Fault(catalog.CONTENT, place, "content", found=kind_of(value)))
        return None
    texts = []
    for number, part in enumerate(value):
        text = part.get("text") if isinstance(part, dict) else None
        if isinstance(text, str):
            texts.append(text)
        else:
            faults.append(_part_fault(part, place, number))
    return "".join(texts)


def _part_fault(part: Any, place: int, number: int) -> Fault:
    kind = part.get("type") if isinstance(part, dict) else part
    field = f"content[{number}]"
    if kind in MEDIA:
        found = f"a part of the type {shown(kind)}"
        return Fault(catalog.MEDIA, place, field, found=found)
    return Fault(
        catalog.CONTENT,
        place,
        field,
        found=shown(kind),
        expected="a part of the type 'text' with its 'text'",
        fix="write text parts only",
    )


def content_fault(message: Message, place: int) -> Fault | None:
    content = message.content
    if content is None and not message.calls:
        return Fault(catalog.NULL_CONTENT, place, "content", found="missing or null")
    text = message.text
    if len(text) >= MAX_WHITE_SPACE and WHITE_SPACE_RUN.search(text):
        found = f"text with {MAX_WHITE_SPACE:,} or more white-space characters in a row"
        return Fault(catalog.WHITE_SPACE, place, "content", found=found)
    return None


def trainable_faults(messages: list[Message]) -> list[Fault]:
    """Why nothing could be learned from these messages; empty when something can."""
    faults = []
    if not any(message.role == "user" for message in messages):
        faults.append(Fault(catalog.NO_USER, found="no message has the role 'user'"))
    answers = [message for message in messages if message.role == "assistant"]
    if not answers:
        found = "no message has the role 'assistant'"
        faults.append(Fault(catalog.NO_ASSISTANT, found=found))
    elif all(answer.is_blank for answer in answers):
        faults.append(
            Fault(
                catalog.EMPTY_ANSWER,
                found="every assistant message is empty",
                expected="at least one with text or tool calls",
                fix="write the answer or remove the example",
            )
        )
    return faults
