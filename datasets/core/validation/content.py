"""A valid conversation → faults in its content, which teach a model the wrong thing."""

from datasets.core.conversation import Conversation, Message
from datasets.core.faults import catalog
from datasets.core.faults.fault import Fault, shown
from datasets.core.validation.text_rules import (
    FENCE,
    Sign,
    answer_faults,
    is_suspicious,
    text_faults,
)
from datasets.core.validation.tool_calls import call_faults
from datasets.core.validation.turn_order import order_faults


def review(
    conversation: Conversation, text: bytes, signs: set[Sign] | None = None
) -> list[Fault]:
    """`text` is the row that the conversation was decoded from, with these `signs`."""
    messages = conversation.messages
    faults = list(order_faults(tuple([message.role for message in messages])))
    for place, message in enumerate(messages):
        content = message.content
        if type(content) is not str or not content or content.isspace():
            faults += _blank(message, place)
            content = message.text
        if message.role == "assistant" and (is_suspicious(content) or FENCE in content):
            faults += answer_faults(content, place)
    if _has_rare_parts(text):
        faults += _rare_faults(messages)
    faults += text_faults(messages, signs)
    return faults


def _has_rare_parts(text: bytes) -> bool:
    """Whether there may be calls, results or weights, which an escape can hide."""
    return (
        b"tool" in text or b"function" in text or b'"weight"' in text or b"\\u" in text
    )


def _rare_faults(messages: list[Message]) -> list[Fault]:
    faults = call_faults(messages)
    for place, message in enumerate(messages):
        if message.weight is not None:
            faults += _weight(message, place)
    return faults


def _blank(message: Message, place: int) -> list[Fault]:
    if not message.is_blank or message.content is None:  # which has a fault of its own
        return []
    is_answer = message.role == "assistant"
    kind = catalog.EMPTY_ANSWER if is_answer else catalog.BLANK_MESSAGE
    found = "empty" if not message.text else "white space alone"
    return [Fault(kind, place, "content", found=found)]


def _weight(message: Message, place: int) -> list[Fault]:
    weight = message.weight
    if not isinstance(weight, bool) and weight in (0, 1):
        return []
    found = f"{weight}" if isinstance(weight, int | float) else shown(weight)
    return [Fault(catalog.WEIGHT, place, "weight", found=found)]
