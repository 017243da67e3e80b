"""A valid conversation → what in it will not teach what it should."""

from datasets.core.calls import call_faults
from datasets.core.conversations import Conversation, Message
from datasets.core.faults import Fault, shown
from datasets.core.order import order_faults
from datasets.core.texts import answer_faults, text_faults


def review(conversation: Conversation) -> list[Fault]:
    messages = conversation.messages
    faults = list(order_faults(tuple([message.role for message in messages])))
    has_calls = False
    for place, message in enumerate(messages):
        if not message.content or message.text[-1:].isspace():
            faults += _blank(message, place)
        if message.role == "assistant":
            faults += answer_faults(message, place)
        if message.weight is not None:
            faults += _weight(message, place)
        has_calls = has_calls or message.role in {"tool", "function"}
        has_calls = has_calls or message.calls is not None
    if has_calls:
        faults += call_faults(messages)
    faults += text_faults(messages)
    return faults


def _blank(message: Message, place: int) -> list[Fault]:
    if not message.is_blank:
        return []
    answers = message.role == "assistant"
    return [
        Fault(
            "empty_answer" if answers else "blank_message",
            found="empty" if not message.text else "white space alone",
            expected="text" + (" or tool calls" if answers else ""),
            fix="write the text or remove the message",
            message=place,
            field="content",
        )
    ]


def _weight(message: Message, place: int) -> list[Fault]:
    weight = message.weight
    if not isinstance(weight, bool) and weight in (0, 1):
        return []
    found = f"{weight}" if isinstance(weight, int | float) else shown(weight)
    return [
        Fault(
            "weight",
            found=found,
            expected="0 (not trained) or 1 (trained)",
            fix="write 0 or 1, or remove it",
            message=place,
            field="weight",
        )
    ]
