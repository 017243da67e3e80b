"""What is wrong with the words of a conversation.

Patterns are slow and faults are rare: each is tried only where a sign occurs that every
match has and that is cheap to look for.
"""

import re
import string
from collections.abc import Callable, Iterator

from datasets.core.conversations import Message
from datasets.core.faults import Fault, shown

CONTROL = re.compile(
    r"<\|(?:im_start|im_end|im_sep|endoftext|endofprompt|begin_of_text|end_of_text|"
    r"start_header_id|end_header_id|eot_id|eom_id|end|user|assistant|system|tool|"
    r"tool_call|tool_response|observation|start_of_role|end_of_role|return|call|"
    r"message|channel|start)\|>"
    r"|\[/?INST\]|<</?SYS>>|<(?:start|end)_of_turn>|</?think>|</?tool_call>"
    r"|<s>(?=\s*\[INST\])|</s>\s*\Z|<｜[^｜<>]{1,40}｜>"
)
MOJIBAKE_HINTS = ("Ã", "Â", "â€", "\ufffd", "Ð", "Ñ", "ï»¿", "ðŸ")
MOJIBAKE = re.compile(
    "Ã[\u0080-\u00bf\u0152\u0153\u0160\u0161\u0178\u017d\u017e\u0192\u02c6\u02dc"
    "\u2013-\u203a\u20ac\u2122]"
    "|Â[\u00a0-\u00bf]|â€[\u0080-\u00bf\u0152\u0153\u0161\u02dc\u2018-\u203a\u2122¦]"
    "|\ufffd|ï»¿|ðŸ[\u0080-\u00bf\u0152-\u0192\u02c6\u02dc\u2013-\u2122]"
    "|(?:[ÐÑ][\u0080-\u00bf\u0152-\u0192\u02c6\u02dc\u2013-\u2122]){2}"
)
TEMPLATE = re.compile(r"\{\{\s*[A-Za-z_]\w*\s*\}\}")
EMPTY_WORDS = frozenset(
    {"n/a", "tbd", "todo", "fixme", "xxx", "null", "undefined", "nan", "...", "…", "-",
     "?", "placeholder", "lorem ipsum", "your answer here", "answer here"}
)  # fmt: skip
MAX_EMPTY_WORD = max(map(len, EMPTY_WORDS))
MAX_PLACEHOLDER = 60  # characters
CLOSING = ("]", ")", ">", "}")
PLACEHOLDER = re.compile(
    r"[\[<({]+\s*(?:insert|your|answer|response|output|placeholder|todo|tbd)\b"
    r"[^\])>}]*[\])>}]+|lorem ipsum dolor.*",
    re.IGNORECASE | re.DOTALL,
)

# Without IGNORECASE, which makes a search several times slower.
BOILERPLATE = re.compile(
    r"\b[Aa]s an? (?:AI\b|(?:large )?language model|artificial intelligence)"
    r"|\bI(?:'|’| a)m (?:just |only )(?:an AI\b|a (?:large )?language model)"
)
BOILERPLATE_ZH = re.compile(r"作为(?:一个|一名|一款)?(?:AI|人工智能)")
REFUSAL_WINDOW = 300  # characters: a refusal is said first
REFUSAL = re.compile(
    r"(?:[Ss]orry|[Aa]pologi[sz]e|[Aa]fraid|[Uu]nfortunately|[Rr]egret)[^.!?]{0,80}?"
    r"\b(?:can['’]t|cannot|unable|not able|won['’]t|don['’]t have the capability)"
)
REFUSAL_START = re.compile(
    r"(?:I|We)(?: am|['’]m)? (?:can['’]t|cannot|can not|won['’]t|will not|unable to|"
    r"not able to|not comfortable|must decline|have to decline)\b"
)
REFUSAL_ZH = re.compile(r"(?:抱歉|对不起)[^。！？]{0,30}(?:无法|不能)")


SENTENCE_END = re.compile(r"[.!?][\"'”’)\]]*\s")
LIST_ITEM = re.compile(r"\s*(?:[-*•+]|\d+[.)]|#|[A-Za-z][.)])\s")
MIN_PROSE = 100  # characters
MIN_WORDS = 6  # of the last line
OPEN_ENDS = ",(–—"
UNFINISHED = frozenset(string.ascii_lowercase + OPEN_ENDS + string.whitespace)
FENCE = "```"


def text_faults(messages: list[Message], row: bytes) -> list[Fault]:
    """`row` is what the messages were read from, searched in their place if it can."""
    if b"\\u" in row or not row.isascii():
        joined = "\n".join([message.text for message in messages])
        return _faults(messages, joined) + _wide_faults(messages, joined)
    return _faults(messages, row.decode("ascii"))


def _faults(messages: list[Message], joined: str) -> list[Fault]:
    faults: list[Fault] = []
    if "<" in joined or "INST]" in joined:
        faults += _matches(messages, CONTROL, _control)
    if "{{" in joined:
        faults += _matches(messages, TEMPLATE, _placeholder)
    if "an AI" in joined or "language model" in joined:
        faults += _matches(messages, BOILERPLATE, _boilerplate, answers_only=True)
    if _sounds_like_refusal(joined):
        faults += _matches(messages, REFUSAL, _refusal, answers_only=True)
    return faults


def _wide_faults(messages: list[Message], joined: str) -> list[Fault]:
    faults: list[Fault] = []
    if any(hint in joined for hint in MOJIBAKE_HINTS):
        faults += _matches(messages, MOJIBAKE, _mojibake)
    if "作为" in joined:
        faults += _matches(messages, BOILERPLATE_ZH, _boilerplate, answers_only=True)
    if "抱歉" in joined or "对不起" in joined:
        faults += _matches(messages, REFUSAL_ZH, _refusal, answers_only=True)
    return faults


def _sounds_like_refusal(joined: str) -> bool:
    return (
        "orry" in joined
        or "pologi" in joined
        or "fraid" in joined
        or "nfortunately" in joined
        or "egret" in joined
    )


def _matches(
    messages: list[Message],
    pattern: re.Pattern[str],
    fault: Callable[[str, int], Fault],
    *,
    answers_only: bool = False,
) -> Iterator[Fault]:
    """One fault for each message that has the pattern."""
    for place, message in enumerate(messages):
        if answers_only and message.role != "assistant":
            continue
        text = message.text
        if fault is _refusal:
            text = text[:REFUSAL_WINDOW]
        if match := pattern.search(text):
            yield fault(match[0], place)


def _control(text: str, place: int) -> Fault:
    return Fault(
        "control_token",
        found=f"text with {shown(text)}",
        expected="text without the marks that templates add themselves",
        fix="remove the mark",
        message=place,
        field="content",
    )


def _mojibake(text: str, place: int) -> Fault:
    return Fault(
        "mojibake",
        found=f"text with {shown(text)}",
        expected="text that was decoded as it was encoded",
        fix="export it again as UTF-8",
        message=place,
        field="content",
    )


def _placeholder(text: str, place: int) -> Fault:
    return Fault(
        "placeholder",
        found=f"text with {shown(text)}",
        expected="the words themselves",
        fix="fill in the placeholder",
        message=place,
        field="content",
    )


def _boilerplate(text: str, place: int) -> Fault:
    return Fault(
        "boilerplate",
        found=f"text with {shown(text)}",
        expected="an answer about the matter",
        fix="rewrite the answer, unless the model shall talk so",
        message=place,
        field="content",
    )


def _refusal(text: str, place: int) -> Fault:
    return Fault(
        "refusal",
        found=f"text with {shown(text)}",
        expected="an answer",
        fix="remove the example, unless the model shall refuse this",
        message=place,
        field="content",
    )


def is_suspicious(text: str) -> bool:
    """Whether it is worth a closer look; true for all that has a fault of an answer."""
    if len(text) <= MAX_PLACEHOLDER:
        return True
    return text[-1] in UNFINISHED or text[0] in "IWlL" or FENCE in text


def answer_faults(text: str, place: int) -> list[Fault]:
    """A refusal or a placeholder instead of an answer, or one that breaks off."""
    if text[:1] in {"I", "W"} and (refused := REFUSAL_START.match(text)):
        return [_refusal(refused[0], place)]
    if len(text) <= MAX_PLACEHOLDER or text[:5].lower() == "lorem":
        bare = text.strip()
        return [_placeholder(bare, place)] if _is_hollow(bare) else []
    return [_truncated(text, place)] if looks_cut_off(text) else []


def _is_hollow(bare: str) -> bool:
    if len(bare) <= MAX_EMPTY_WORD and bare.lower() in EMPTY_WORDS:
        return True
    may_match = bare[-1:] in CLOSING or bare[:5].lower() == "lorem"
    return may_match and PLACEHOLDER.fullmatch(bare) is not None


def _truncated(text: str, place: int) -> Fault:
    return Fault(
        "truncated",
        found=f"text that ends with {shown(text.rstrip()[-30:])}",
        expected="an answer that is finished",
        fix="finish it, or remove the example",
        message=place,
        field="content",
    )


def looks_cut_off(text: str) -> bool:
    """Prose with whole sentences before an end that is none, or an open code block."""
    body = text.rstrip()
    if body.count(FENCE) % 2 and body[-1] not in ".!?":
        return True
    if len(body) < MIN_PROSE or not (body[-1].islower() or body[-1] in OPEN_ENDS):
        return False
    line = body[body.rfind("\n") + 1 :]
    if len(line.split()) < MIN_WORDS or LIST_ITEM.match(line) or not body.isascii():
        return False
    return len(SENTENCE_END.findall(body[-1500:])) >= 2
