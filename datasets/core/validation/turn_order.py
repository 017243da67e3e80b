"""The order of roles in a conversation."""

from functools import lru_cache

from datasets.core.conversation import SYSTEM_ROLES
from datasets.core.faults import catalog
from datasets.core.faults.fault import Fault

SHAPES_KEPT = 4096  # most files have few sequences of roles


@lru_cache(SHAPES_KEPT)
def order_faults(roles: tuple[str, ...]) -> tuple[Fault, ...]:
    faults = [*_late_systems(roles), *_repeats(roles)]
    first = next((n for n, role in enumerate(roles) if role not in SYSTEM_ROLES), 0)
    if roles[first] == "assistant":
        found = "'assistant' before any question"
        faults.append(Fault(catalog.ASSISTANT_FIRST, first, "role", found=found))
    if roles[-1] != "assistant":
        last, found = len(roles) - 1, f"'{roles[-1]}' at the end"
        faults.append(Fault(catalog.LAST_NOT_ASSISTANT, last, "role", found=found))
    return tuple(faults)


def _late_systems(roles: tuple[str, ...]) -> list[Fault]:
    talk = next((n for n, role in enumerate(roles) if role not in SYSTEM_ROLES), 0)
    return [
        Fault(
            catalog.SYSTEM_NOT_FIRST,
            place,
            "role",
            found=f"'{role}' after other messages",
        )
        for place, role in enumerate(roles)
        if role in SYSTEM_ROLES and place > talk and roles[talk] not in SYSTEM_ROLES
    ]


def _repeats(roles: tuple[str, ...]) -> list[Fault]:
    """Messages of a user or assistant that follow one of the same role."""
    return [
        Fault(catalog.SAME_ROLE_TWICE, place, "role", found=f"'{roles[place]}' again")
        for place in range(1, len(roles))
        if roles[place] == roles[place - 1] and roles[place] in {"user", "assistant"}
    ]
