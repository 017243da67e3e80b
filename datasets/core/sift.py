"""Which rows are examples without any fault, proved at a small part of the price.

Most rows are texts in turn, with no sign of anything. What is said here to have no
fault has none for `reading` and `review`, which look closely at all other rows.
"""

from functools import lru_cache
from itertools import compress
from typing import Annotated, Literal

import msgspec

from datasets.core.faults import Fault
from datasets.core.order import SHAPES_KEPT, order_faults
from datasets.core.parsing import decode
from datasets.core.structure import MAX_MESSAGES, MAX_WHITE_SPACE
from datasets.core.texts import MOJIBAKE_SIGNS, answer_faults, is_suspicious, rules_for

# Parts of the marks of templates, as the raw text has them: a slash may be escaped.
MARKS = (b"<|", b"<s>", b"/s>", b"SYS>>", b"_of_turn>", b"think>", b"tool_call>",
         "<｜".encode())  # fmt: skip
REPLACED = "\ufffd"
MISREAD = tuple(sign.encode() for sign in MOJIBAKE_SIGNS if sign != REPLACED)
MISREAD_LEAD = b"\xc3"  # the first byte of each of them


class _Message(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    role: Literal["system", "developer", "user", "assistant"]
    content: str


_Messages = Annotated[
    list[_Message], msgspec.Meta(min_length=1, max_length=MAX_MESSAGES)
]


class _Row(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    messages: _Messages


class _OpenRow(msgspec.Struct, gc=False):
    messages: _Messages


_row = msgspec.json.Decoder(_Row)
_open_row = msgspec.json.Decoder(_OpenRow)


def is_faultless(text: bytes) -> bool:
    """False when that is not certain."""
    messages = _messages(text)
    if messages is None:
        return False
    answering = _answering(tuple([message.role for message in messages]))
    said = [message.content for message in messages]
    if answering is None or not all(said) or any(map(str.isspace, said)):
        return False
    if _has_marks(text, said):
        return False
    answers = list(compress(said, answering))
    for answer in answers:
        if is_suspicious(answer) and answer_faults(answer, 0):
            return False
    return not _has_bad_words(answers)


def _messages(text: bytes) -> list[_Message] | None:
    try:
        return _row.decode(text).messages
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass  # the row may have other keys, whose values have to be valid
    if b"tool_call" in text:
        return None
    try:
        decode(text)
        return _open_row.decode(text).messages
    except (msgspec.DecodeError, UnicodeDecodeError, Fault):
        return None


@lru_cache(SHAPES_KEPT)
def _answering(roles: tuple[str, ...]) -> tuple[bool, ...] | None:
    """For each message whether it is an answer; None when the order has a fault."""
    if order_faults(roles) or "user" not in roles:
        return None
    return tuple(role == "assistant" for role in roles)


def _has_marks(text: bytes, said: list[str]) -> bool:
    """Signs of what no message may have, looked for in the raw text if they can be."""
    if len(text) >= MAX_WHITE_SPACE:
        return True
    braces, brackets = len(said) + 1, 1  # of the JSON itself
    if b"\\" in text and b"\\u" in text:
        text = "\n".join(said).encode()
        braces = brackets = 0
        if b"\0" in text:
            return True
    # One byte is counted several times faster than two are found.
    if text.count(b"{") > braces and b"{{" in text:
        return True
    if text.count(b"]") > brackets and b"INST]" in text:
        return True
    if b"<" in text and any(mark in text for mark in MARKS):
        return True
    return not text.isascii() and _is_misread(text)


def _is_misread(text: bytes) -> bool:
    if MISREAD_LEAD in text and any(sign in text for sign in MISREAD):
        return True
    return REPLACED.encode() in text


def _has_bad_words(answers: list[str]) -> bool:
    joined = "\n".join(answers)
    for rule in rules_for(joined):
        if rule.of_answers and rule.may_be_in(joined):
            for answer in answers:
                if rule.may_be_in(answer) and rule.found_in(answer):
                    return True
    return False
