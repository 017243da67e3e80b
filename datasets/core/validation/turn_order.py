"""Who speaks after whom."""

from functools import lru_cache

from datasets.core.conversation import SYSTEM_ROLES
from datasets.core.faults.fault import Fault

SHAPES_KEPT = 4096  # most files have a handful of role sequences


@lru_cache(SHAPES_KEPT)
def order_faults(roles: tuple[str, ...]) -> tuple[Fault, ...]:
    faults = [
        *_late_systems(roles),
        *(_twice(roles, place) for place in _repeats(roles)),
    ]
    first = next((n for n, role in enumerate(roles) if role not in SYSTEM_ROLES), 0)
    if roles[first] == "assistant":
        faults.append(_assistant_first(first))
    if roles[-1] != "assistant":
        faults.append(_unanswered(len(roles) - 1, roles[-1]))
    return tuple(faults)


def _late_systems(roles: tuple[str, ...]) -> list[Fault]:
    talk = next((n for n, role in enumerate(roles) if role not in SYSTEM_ROLES), 0)
    return [
        Fault(
            "system_not_first",
            found=f"'{role}' after other messages",
            expected="system messages at the start",
            fix="move it to the start or fold it into the next question",
            message=place,
            field="role",
        )
        for place, role in enumerate(roles)
        if role in SYSTEM_ROLES and place > talk and roles[talk] not in SYSTEM_ROLES
    ]


def _repeats(roles: tuple[str, ...]) -> list[int]:
    """Places of a user's or assistant's message that follows one of the same."""
    return [
        place
        for place in range(1, len(roles))
        if roles[place] == roles[place - 1] and roles[place] in {"user", "assistant"}
    ]


def _twice(roles: tuple[str, ...], place: int) -> Fault:
    return Fault(
        "same_role_twice",
        found=f"'{roles[place]}' again",
        expected="user and assistant in turn",
        fix="join the two messages or remove one",
        message=place,
        field="role",
    )


def _assistant_first(place: int) -> Fault:
    return Fault(
        "assistant_first",
        found="'assistant' before any question",
        expected="the user's message first",
        fix="remove the greeting or put a question before it",
        message=place,
        field="role",
    )


def _unanswered(place: int, role: str) -> Fault:
    return Fault(
        "last_not_assistant",
        found=f"'{role}' at the end",
        expected="an answer as the last message",
        fix="answer it or remove it",
        message=place,
        field="role",
    )
