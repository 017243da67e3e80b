"""Suggests a task and a target for a dataset, with reasons."""

from collections.abc import Callable
from dataclasses import dataclass

from datasets.core.analysis.profile import Profile
from recommender.core.catalog.catalog import Target, Task
from recommender.core.needs.data_signals import Signals

LONG_CONTEXT = 4096  # tokens at the 99th percentile
SHORT_ROWS = 512  # tokens at the 95th percentile
NARROW = frozenset({Task.CLASSIFICATION, Task.EXTRACTION})


@dataclass(frozen=True)
class Clue:
    """`strength` 0..1: the share of the examples that point to the task."""

    task: Task
    strength: float
    reason: str


@dataclass(frozen=True)
class Suggestion:
    task: Clue
    target: Target
    target_reason: str
    alternatives: tuple[Clue, ...]
    examined: int


def suggest(signs: Signals, profile: Profile) -> Suggestion:
    found = (rule(signs) for rule in RULES)
    first, *others = [clue for clue in found if clue is not None]
    target, reason = _target(first.task, profile)
    alternatives = {clue.task: clue for clue in reversed(others)}
    alternatives.pop(first.task, None)
    return Suggestion(
        first, target, reason, tuple(alternatives.values())[::-1], signs.examined
    )


def _extraction(signs: Signals) -> Clue | None:
    if signs.json_answers < 0.5:
        return None
    reason = f"{signs.json_answers:.0%} of the answers are JSON"
    return Clue(Task.EXTRACTION, signs.json_answers, reason)


def _tools(signs: Signals) -> Clue | None:
    if signs.tools < 0.2:
        return None
    reason = f"{signs.tools:.0%} of the examples use tools in a conversation"
    return Clue(Task.CONVERSATION, signs.tools, reason)


def _classification(signs: Signals) -> Clue | None:
    if signs.short_answers < 0.8 or signs.distinct_answers > 0.2:
        return None
    reason = (
        f"{signs.short_answers:.0%} of the answers are as short as a label and only "
        f"{signs.distinct_answers:.0%} of them differ from each other"
    )
    return Clue(Task.CLASSIFICATION, signs.short_answers, reason)


def _conversation(signs: Signals) -> Clue | None:
    if signs.multi_turn < 0.3:
        return None
    reason = f"{signs.multi_turn:.0%} of the examples have more than one user turn"
    return Clue(Task.CONVERSATION, signs.multi_turn, reason)


def _code(signs: Signals) -> Clue | None:
    if signs.code_answers < 0.4:
        return None
    reason = f"{signs.code_answers:.0%} of the answers are or hold code"
    return Clue(Task.CODE_GENERATION, signs.code_answers, reason)


def _summarization(signs: Signals) -> Clue | None:
    longer = signs.question_characters > 2 * signs.answer_characters
    if signs.summaries < 0.4 or not longer:
        return None
    reason = f"{signs.summaries:.0%} of the inputs ask for a summary of a longer text"
    return Clue(Task.SUMMARIZATION, signs.summaries, reason)


def _reading(signs: Signals) -> Clue | None:
    if signs.copied_answers < 0.5:
        return None
    reason = f"{signs.copied_answers:.0%} of the answers stand in the question's text"
    return Clue(Task.QA, signs.copied_answers, reason)


def _small_talk(signs: Signals) -> Clue | None:
    if signs.question_characters > 30 or signs.answer_characters > 60:
        return None
    reason = (
        f"short turns on both sides: {signs.question_characters:.0f} characters are "
        f"answered by {signs.answer_characters:.0f} in the median"
    )
    return Clue(Task.CONVERSATION, 0.5, reason)


def _questions(signs: Signals) -> Clue | None:
    if signs.asked < 0.6:
        return None
    reason = f"{signs.asked:.0%} of the inputs ask a question"
    return Clue(Task.QA, signs.asked, reason)


def _generation(signs: Signals) -> Clue | None:
    longer = signs.answer_characters > signs.question_characters
    if signs.creations < 0.3 or not longer:
        return None
    reason = f"{signs.creations:.0%} of the inputs ask for a text to be made up"
    return Clue(Task.GENERATION, signs.creations, reason)


def _instructions(signs: Signals) -> Clue:
    reason = (
        f"none of the other patterns holds for the {signs.examined:,} examples "
        "examined: varied instructions"
    )
    return Clue(Task.INSTRUCTION_FOLLOWING, 0.3, reason)


# The first that matches is suggested, the others are alternatives.
RULES: tuple[Callable[[Signals], Clue | None], ...] = (
    _extraction, _tools, _conversation, _classification, _code, _summarization,
    _reading, _small_talk, _questions, _generation, _instructions,
)  # fmt: skip


def _target(task: Task, profile: Profile) -> tuple[Target, str]:
    if profile.tool_examples:
        reason = f"{profile.tool_examples:,} examples use tools, which run on a server"
        return Target.SERVER, reason
    if profile.tokens_p99 > LONG_CONTEXT:
        reason = (
            f"99% of the examples need up to {profile.tokens_p99:,} tokens, whose "
            "cache takes a server's memory"
        )
        return Target.SERVER, reason
    short = profile.tokens_p95 <= SHORT_ROWS
    if short and task in NARROW:
        reason = (
            f"a narrow task with at most {profile.tokens_p95:,} tokens in 95% of the "
            "examples: a small model on a small board does it"
        )
        return Target.EDGE, reason
    reason = (
        f"up to {profile.tokens_p99:,} tokens an example fit a desktop; the data do "
        "not say where it is to run, so choose another freely"
    )
    return Target.DESKTOP, reason
