"""The fixes that suit a dataset, worded for its page."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from datasets.core.faults.catalog import EMPTY_ANSWER, KINDS, NO_ASSISTANT
from datasets.core.fixes.operations import Repair

# Worded as actions; `drop_faults` and `fix_faults` are worded by their faults.
TITLES = {
    "drop_exact_duplicates": "Drop exact copies",
    "drop_near_duplicates": "Drop near copies",
    "drop_faults": "Drop these rows",
    "fix_faults": "Fix them",
    "fold_system": "Fold system prompts into the first question",
    "drop_system": "Drop system prompts",
    "map_roles": "Rename roles",
    "mask_private": "Mask private data and secrets",
    "normalize": "Bring roles and text parts to their usual form",
}
ABOUT = {
    "drop_exact_duplicates": "The first of equal rows stays, later copies go.",
    "drop_near_duplicates": "Of rows that say almost the same the first stays.",
    "fold_system": "For models without a system role; no text is lost.",
    "drop_system": "The model then answers without one.",
    "map_roles": "Such as human to user, where another tool wrote the file.",
    "mask_private": "Labels such as [EMAIL] take the place of addresses, numbers and "
    "keys.",
    "normalize": "Other known names of roles, such as human; text written in parts.",
}
DONE = {
    "drop_exact_duplicates": "Exact copies dropped",
    "drop_near_duplicates": "Near copies dropped",
    "drop_faults": "Rows with a fault dropped",
    "fix_faults": "Faults fixed",
    "fold_system": "System prompts folded into the first question",
    "drop_system": "System prompts dropped",
    "map_roles": "Roles renamed",
    "mask_private": "Private data masked",
    "normalize": "Roles and text parts brought to their usual form",
}
NO_ANSWER = (NO_ASSISTANT.name, EMPTY_ANSWER.name)


@dataclass(frozen=True)
class FixOption:
    """One or more repairs behind one button."""

    title: str
    repairs: tuple[Repair, ...] = ()
    about: str = ""
    needs_roles: bool = False

    @property
    def fields(self) -> list[tuple[str, str]]:
        """The repairs as form fields."""
        return fields_of(self.repairs)


def fields_of(repairs: Iterable[Repair]) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for repair in repairs:
        if repair.kind in {"fix_faults", "drop_faults"}:
            name = repair.kind.removesuffix("_faults")
            found += [(name, fault) for fault in repair.faults]
        elif repair.kind == "map_roles":
            found += [
                pair
                for old, new in repair.roles.items()
                for pair in (("from", old), ("to", new))
            ]
        else:
            found.append(("do", repair.kind))
    return found


def for_fault(name: str) -> list[FixOption]:
    """The fixes for rows with this kind of fault."""
    kind = KINDS[name]
    offers = []
    if kind.fixer == "map_roles":
        offers.append(FixOption(TITLES["map_roles"], needs_roles=True))
    elif kind.fixer:
        fix = Repair("fix_faults", (name,))
        offers.append(FixOption(TITLES["fix_faults"], (fix,), kind.fixer_words))
    drop = Repair("drop_faults", (name,))
    return [*offers, FixOption(TITLES["drop_faults"], (drop,))]


def plain(kind: str) -> FixOption:
    if kind == "map_roles":
        return FixOption(TITLES[kind], about=ABOUT[kind], needs_roles=True)
    return FixOption(TITLES[kind], (Repair(kind),), ABOUT[kind])


@dataclass(frozen=True)
class Found:
    """The facts that decide which fixes are offered."""

    kinds: frozenset[str] = frozenset()
    copies: int = 0
    system_rows: int = 0


def safe_fixes(found: Found) -> FixOption | None:
    """All fixes that lose nothing, behind one button."""
    faults = tuple(
        name for name, kind in KINDS.items() if kind.is_safe and name in found.kinds
    )
    repairs = [Repair("fix_faults", faults)] if faults else []
    if found.copies:
        repairs.append(Repair("drop_exact_duplicates"))
    count = len(faults) + bool(found.copies)
    if not count:
        return None
    title = f"Apply {count} safe fix{'es' if count > 1 else ''}"
    return FixOption(title, tuple(repairs), "Nothing that was meant is lost.")


def general(found: Found) -> Iterator[FixOption]:
    """Fixes that are not about a single fault."""
    if found.copies:
        yield plain("drop_exact_duplicates")
    yield plain("drop_near_duplicates")
    faults = tuple(kind for kind in NO_ANSWER if kind in found.kinds)
    if faults:
        drop = Repair("drop_faults", faults)
        yield FixOption(
            "Drop rows without an answer", (drop,), "Nothing can be learned."
        )
    if found.system_rows:
        yield plain("fold_system")
        yield plain("drop_system")
    yield from map(plain, ("mask_private", "map_roles", "normalize"))


def in_words(repair: Repair) -> str:
    """A repair as a heading of its changes."""
    if repair.kind not in {"drop_faults", "fix_faults"}:
        return TITLES[repair.kind]
    deed = "Fix" if repair.kind == "fix_faults" else "Drop rows"
    if len(repair.faults) == 1:
        return f"{deed}: {KINDS[repair.faults[0]].title.lower()}"
    return f"{deed} with any of {len(repair.faults)} issues"


def details(repair: Repair) -> list[str]:
    """Details that the heading omits."""
    if repair.kind == "map_roles":
        return [f"{old} becomes {new}" for old, new in repair.roles.items()]
    if repair.kind == "fix_faults":
        kinds = [KINDS[name] for name in repair.faults]
        return [f"{kind.title}: {kind.fixer_words}" for kind in kinds]
    if repair.kind == "drop_faults" and len(repair.faults) > 1:
        return [KINDS[name].title for name in repair.faults]
    return []


def done_in_words(repairs: Mapping[str, Any]) -> list[str]:
    """What was changed in the parent, from the report stored with a version."""
    return [
        f"{DONE[change['kind']]}: {_counted(change)}"
        for change in repairs.get("changes", ())
    ]


def _counted(change: Mapping[str, Any]) -> str:
    counts = [
        f"{change[name]:,} row{'s' if change[name] != 1 else ''}"
        for name in ("changed", "dropped")
        if change[name]
    ]
    return " and ".join(counts) or "no row"
