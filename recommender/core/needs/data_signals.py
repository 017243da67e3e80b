"""Signals of a sample of conversations that suggest a task, as shares."""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

LABEL_CHARACTERS = 40
CODE_FENCE = "```"
# Marks that are rare in prose; without arithmetic signs, which word problems have.
CODE_MARKS = re.compile(r"[|$\\{}\[\];`]")
PLACEHOLDER = re.compile(r"\{\{\s*\w+\s*\}\}")
CODE_SHARE = 0.03  # of an answer's characters
CODE_START = re.compile(
    r"\A\s*(?:def |class |import |from \w+ import |#include|#!|function |const |let |"
    r"select |insert |update |create table|find |grep |ls |cat |awk |sed |rm |cp |mv |"
    r"chmod |tar |echo |for \(|public |<\?php|<html|<!doctype)",
    re.IGNORECASE,
)
QUESTION = re.compile(r"[?？؟\u037e](?:[^\S\n]*[\"'”’)\]]++)?[^\S\n]*+(?:\n|$)")
SUMMARY = re.compile(r"summar|tl;?dr|in one sentence|résum|zusammenfass|要約|总结|摘要")
CREATE = re.compile(
    r"\b(?:story|poem|lyrics|essay|dialogue|role-?play|pretend|imagine|you are an? |"
    r"act as|write an? (?:letter|post|article|blog|tweet|slogan|description))\b"
)


@dataclass(frozen=True)
class Exchange:
    """The last question of a conversation, its answer and context."""

    question: str
    answer: str
    user_turns: int
    uses_tools: bool


@dataclass(frozen=True)
class Signals:
    examined: int
    multi_turn: float  # shares of the examples, 0..1
    tools: float
    json_answers: float
    code_answers: float
    copied_answers: float  # answers that occur word for word in the question
    short_answers: float
    asked: float  # questions with a question mark at the end of a line
    summaries: float
    creations: float
    distinct_answers: float
    question_characters: float  # medians
    answer_characters: float


def exchange_of(messages: Sequence[Mapping[str, Any]]) -> Exchange:
    turns = [(str(message.get("role")), message.get("content")) for message in messages]
    texts = [(role, text) for role, text in turns if isinstance(text, str)]
    answers = [text for role, text in texts if role == "assistant"]
    questions = [text for role, text in texts if role == "user"]
    return Exchange(
        question=questions[-1] if questions else "",
        answer=answers[-1] if answers else "",
        user_turns=sum(role == "user" for role, _ in turns),
        uses_tools=any(role in {"tool", "function"} for role, _ in turns)
        or any(message.get("tool_calls") for message in messages),
    )


def signs_of(exchanges: Iterable[Exchange]) -> Signals:
    found = list(exchanges)

    def share(holds: Callable[[Exchange], bool]) -> float:
        return sum(map(holds, found)) / max(len(found), 1)

    answers = [exchange.answer.strip() for exchange in found]
    return Signals(
        examined=len(found),
        multi_turn=share(lambda exchange: exchange.user_turns > 1),
        tools=share(lambda exchange: exchange.uses_tools),
        json_answers=share(lambda exchange: _is_json(exchange.answer)),
        code_answers=share(lambda exchange: _is_code(exchange.answer)),
        copied_answers=share(_is_copied),
        short_answers=share(lambda exchange: _is_short(exchange.answer)),
        asked=share(lambda exchange: bool(QUESTION.search(exchange.question))),
        summaries=share(lambda e: bool(SUMMARY.search(e.question.lower()))),
        creations=share(lambda e: bool(CREATE.search(e.question.lower()))),
        distinct_answers=len(set(answers)) / max(len(answers), 1),
        question_characters=median([len(e.question) for e in found] or [0]),
        answer_characters=median([len(answer) for answer in answers] or [0]),
    )


def _is_json(answer: str) -> bool:
    text = answer.strip()
    if not text.startswith(("{", "[")):
        return False
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _is_code(answer: str) -> bool:
    if CODE_FENCE in answer:
        return True
    text = PLACEHOLDER.sub("", answer)
    marks = len(CODE_MARKS.findall(text))
    return bool(CODE_START.match(text)) or marks > CODE_SHARE * max(len(text), 40)


def _is_short(answer: str) -> bool:
    text = answer.strip()
    return 0 < len(text) <= LABEL_CHARACTERS and "\n" not in text


def _is_copied(exchange: Exchange) -> bool:
    answer = exchange.answer.strip()
    return bool(answer) and answer in exchange.question
