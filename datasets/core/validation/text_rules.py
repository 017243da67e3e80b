"""Finds faults in the texts of a conversation.

Patterns are slow and faults are rare: each pattern is tried only where one of its
triggers occurs, which every match contains and which are fast to search for.
"""

import re
import string
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate

from ahocorasick_rs import MATCHKIND_LEFTMOST_FIRST, BytesAhoCorasick

from datasets.core.conversation import Message
from datasets.core.faults import catalog
from datasets.core.faults.catalog import FaultKind
from datasets.core.faults.fault import Fault, shown

CONTROL = re.compile(
    r"<\|(?:im_start|im_end|im_sep|endoftext|endofprompt|begin_of_text|end_of_text|"
    r"start_header_id|end_header_id|eot_id|eom_id|end|user|assistant|system|tool|"
    r"tool_call|tool_response|observation|start_of_role|end_of_role|return|call|"
    r"message|channel|start)\|>"
    r"|\[/?INST\]|<</?SYS>>|<(?:start|end)_of_turn>|</?think>|</?tool_call>"
    r"|<s>(?=\s*\[INST\])|</s>\s*\Z|<｜[^｜<>]{1,40}｜>"
)
# In the raw text a slash may be escaped, so no trigger begins before one.
CONTROL_TRIGGERS = (
    "<|", "<｜", "<s>", "/s>", "SYS>>", "[INST]", "/INST]", "_of_turn>", "<think>",
    "/think>", "<tool_call>", "/tool_call>",
)  # fmt: skip
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
    r"\A(?:[\[<({]+\s*(?:insert|your|answer|response|output|placeholder|todo|tbd)\b"
    r"[^\])>}]*[\])>}]+|lorem ipsum dolor.*)",
    re.IGNORECASE | re.DOTALL,
)

# Without IGNORECASE, which makes a search several times slower.
BOILERPLATE = re.compile(
    r"\b[Aa]s an? (?:AI\b|(?:large )?language model|artificial intelligence)"
    r"|\bI(?:'|’| a)m (?:just |only )(?:an AI\b|a (?:large )?language model)"
)
BOILERPLATE_TRIGGERS = tuple(
    f"{before} {model}"
    for before in ("s a", "s an", "just a", "just an", "only a", "only an")
    for model in ("AI", "language model", "large language model", "artificial intell")
)
BOILERPLATE_ZH_TRIGGERS = tuple(
    f"作为{one}{model}"
    for one in ("", "一个", "一名", "一款")
    for model in ("AI", "人工智能")
)
BOILERPLATE_ZH = re.compile(r"作为(?:一个|一名|一款)?(?:AI|人工智能)")
REFUSAL_WINDOW = 300  # characters: refusals come early
REFUSAL = re.compile(
    r"(?:[Ss]orry|[Aa]pologi[sz]e|[Aa]fraid|[Uu]nfortunately|[Rr]egret)[^.!?]{0,80}?"
    r"\b(?:can['’]t|cannot|unable|not able|won['’]t|don['’]t have the capability)"
)
REFUSAL_STARTS = tuple(
    f"{who}{am} {refuse}"
    for who in ("I", "We")
    for am in ("", " am", "'m", "’m")
    for refuse in (
        "can't", "can’t", "cannot", "can not", "won't", "won’t", "will not",
        "unable to", "not able to", "not comfortable", "must decline",
        "have to decline",
    )
)  # fmt: skip
REFUSAL_START = re.compile(rf"(?:{'|'.join(map(re.escape, REFUSAL_STARTS))})\b")
REFUSAL_ZH = re.compile(r"(?:抱歉|对不起)[^。！？]{0,30}(?:无法|不能)")

STOPS = ".!?"
SENTENCE_END = re.compile(rf"[{STOPS}][\"'”’)\]]*\s")
LIST_ITEM = re.compile(r"\A\s*(?:[-*•+]|\d+[.)]|#|[A-Za-z][.)])\s")
MIN_PROSE = 100  # characters
MIN_WORDS = 6  # of the last line
MIN_SENTENCES = 2  # before the one that breaks off, within this many characters:
PROSE_END = 1500
OPEN_ENDS = ",(–—"
WHITE_SPACE = "".join(filter(str.isspace, map(chr, range(0x3001))))
UNFINISHED = frozenset(string.ascii_lowercase + OPEN_ENDS + WHITE_SPACE)
FENCE = "```"
ESCAPE = "\\u"  # of JSON; may hide any trigger
DUMMY = "lorem"  # a text that starts with it is a placeholder
STARTS = frozenset("IW" + DUMMY[0] + DUMMY[0].upper())


def _fault(kind: FaultKind, text: str, place: int) -> Fault:
    return Fault(kind, place, "content", found=f"text with {shown(text)}")


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Rule:
    kind: FaultKind  # of a match
    pattern: re.Pattern[str]
    triggers: tuple[str, ...]  # every match contains one; none overlaps another
    rarer_triggers: tuple[str, ...] = ()  # longer triggers to use instead, if given
    answers_only: bool = False  # texts of other roles are not searched
    first_characters: int | None = None  # of a message that are searched; None: all

    def found_in(self, text: str) -> str:
        """What matches, or nothing."""
        # A loop; `any` with a generator takes twice as long
        for trigger in self.triggers:
            if trigger in text:
                match = self.pattern.search(text[: self.first_characters])
                return match[0] if match else ""
        return ""


RULES = (
    Rule(
        kind=catalog.CONTROL_TOKEN,
        pattern=CONTROL,
        triggers=CONTROL_TRIGGERS,
    ),
    Rule(
        kind=catalog.PLACEHOLDER,
        pattern=TEMPLATE,
        triggers=("{{",),
    ),
    Rule(
        kind=catalog.BOILERPLATE,
        pattern=BOILERPLATE,
        triggers=(" AI", "language model", "artificial intelligence"),
        rarer_triggers=BOILERPLATE_TRIGGERS,
        answers_only=True,
    ),
    Rule(
        kind=catalog.REFUSAL,
        pattern=REFUSAL,
        triggers=("orry", "pologi", "fraid", "nfortunately", "regret", "Regret"),
        answers_only=True,
        first_characters=REFUSAL_WINDOW,
    ),
    Rule(
        kind=catalog.MOJIBAKE,
        pattern=MOJIBAKE,
        triggers=("Ã", "Â", "â€", "\ufffd", "Ð", "Ñ", "ï»¿", "ðŸ"),
    ),
    Rule(
        kind=catalog.BOILERPLATE,
        pattern=BOILERPLATE_ZH,
        triggers=("作为",),
        rarer_triggers=BOILERPLATE_ZH_TRIGGERS,
        answers_only=True,
    ),
    Rule(
        kind=catalog.REFUSAL,
        pattern=REFUSAL_ZH,
        triggers=("抱歉", "对不起"),
        answers_only=True,
        first_characters=REFUSAL_WINDOW,
    ),
)

Sign = Rule | str  # what a rule looks for, FENCE or ESCAPE


def signs_of(texts: Sequence[bytes]) -> dict[int, set[Sign]]:
    """The signs of each text that has any, by its position."""
    search, meanings = _search()
    ends = list(accumulate(len(text) + 1 for text in texts))
    found: dict[int, set[Sign]] = {}
    for number, start, _ in search.find_matches_as_indexes(b"\n".join(texts)):
        found.setdefault(bisect_right(ends, start), set()).add(meanings[number])
    return found


@cache
def _search() -> tuple[BytesAhoCorasick, list[Sign]]:
    """All signs in one search, which is possible because none overlap."""
    meanings: dict[str, Sign] = {sign: rule for rule in RULES for sign in rule.triggers}
    meanings |= {FENCE: FENCE, ESCAPE: ESCAPE}
    search = BytesAhoCorasick(
        [sign.encode() for sign in meanings], MATCHKIND_LEFTMOST_FIRST
    )
    return search, list(meanings.values())


def text_faults(messages: list[Message], signs: set[Sign] | None = None) -> list[Fault]:
    """One fault for each message and rule that it violates.

    `signs` are those of the row, if known.
    """
    texts = [
        message.content if type(message.content) is str else message.text
        for message in messages
    ]
    if signs is None or ESCAPE in signs:
        signs = signs_of(["\n".join(texts).encode()]).get(0, set())
    return [
        _fault(rule.kind, found, place)
        for rule in RULES
        if rule in signs
        for place, text in enumerate(texts)
        if not rule.answers_only or messages[place].role == "assistant"
        if (found := rule.found_in(text))
    ]


def is_suspicious(text: str) -> bool:
    """Whether it needs `answer_faults`; true for every text with a fault of an answer,
    if it has no FENCE."""
    if len(text) <= MAX_PLACEHOLDER:
        bare = text.strip()
        return bare[:1] in STARTS or bare[-1:] in CLOSING or bare.lower() in EMPTY_WORDS
    return text[-1] in UNFINISHED or text[0] in STARTS


def answer_faults(text: str, place: int) -> list[Fault]:
    """A refusal or a placeholder instead of an answer, or a truncated answer."""
    if text[:1] in {"I", "W"} and (refused := REFUSAL_START.match(text)):
        return [_fault(catalog.REFUSAL, refused[0], place)]
    if len(text) <= MAX_PLACEHOLDER or text[:5].lower() == DUMMY:
        bare = text.strip()
        return [_fault(catalog.PLACEHOLDER, bare, place)] if _is_hollow(bare) else []
    if not looks_cut_off(text):
        return []
    found = f"text that ends with {shown(text.rstrip()[-30:])}"
    return [Fault(catalog.TRUNCATED, place, "content", found=found)]


def _is_hollow(bare: str) -> bool:
    if len(bare) <= MAX_EMPTY_WORD and bare.lower() in EMPTY_WORDS:
        return True
    may_match = bare[-1:] in CLOSING or bare[:5].lower() == DUMMY
    return may_match and PLACEHOLDER.fullmatch(bare) is not None


def looks_cut_off(text: str) -> bool:
    """Prose with whole sentences before an unfinished one, or an open code block."""
    body = text.rstrip()
    if body.count(FENCE) % 2 and body[-1] not in STOPS:
        return True
    if len(body) < MIN_PROSE or not (body[-1].islower() or body[-1] in OPEN_ENDS):
        return False
    line = body[body.rfind("\n") + 1 :]
    if len(line.split()) < MIN_WORDS or LIST_ITEM.match(line) or not body.isascii():
        return False
    return len(SENTENCE_END.findall(body[-PROSE_END:])) >= MIN_SENTENCES
