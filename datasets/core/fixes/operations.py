"""Fixes of one example: pure functions from a canonical object to another.

An object that needs no fix comes back equal.
"""

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from datasets.core.conversation import ROLES, SYSTEM_ROLES
from datasets.core.faults.catalog import KINDS
from datasets.core.layouts.conversion import ROLE_OF
from datasets.core.privacy import detection
from datasets.core.privacy.masking import mask_arguments
from datasets.core.validation.text_rules import CONTROL, MOJIBAKE
from slmgen.error_text import named_one_of, shown
from slmgen.errors import InvalidInput

Example = dict[str, Any]
Fix = Callable[[Example], Example]


@dataclass(frozen=True)
class Repair:
    """One of `REPAIR_KINDS`, with the faults or roles it applies to."""

    kind: str
    faults: tuple[str, ...] = ()
    roles: Mapping[str, str] = field(default_factory=dict)


REPAIR_KINDS = {
    "drop_exact_duplicates": "remove later copies of an earlier example",
    "drop_near_duplicates": "keep the first example of each cluster",
    "drop_faults": "remove examples with any of the named faults",
    "fix_faults": "mend the named faults where that is possible",
    "fold_system": "put system prompts before the first question",
    "drop_system": "remove system prompts",
    "map_roles": "rename roles as told",
    "mask_private": "put labels such as [EMAIL] in the place of private data",
    "normalize": "known names of roles, text parts joined to text",
}


def _messages(example: Example) -> list[Any]:
    messages = example.get("messages")
    return messages if isinstance(messages, list) else []


def _with(example: Example, messages: list[Any]) -> Example:
    return {**example, "messages": messages}


def _each(example: Example, change: Callable[[Example], Example]) -> Example:
    return _with(
        example, [change(m) if isinstance(m, dict) else m for m in _messages(example)]
    )


def _texts(example: Example, change: Callable[[str], str]) -> Example:
    """`change` applied to every text, including parts."""

    def changed(message: Example) -> Example:
        content = message.get("content")
        if isinstance(content, str):
            return {**message, "content": change(content)}
        if not isinstance(content, list):
            return message
        parts = [
            {**part, "text": change(part["text"])}
            if isinstance(part, dict) and isinstance(part.get("text"), str)
            else part
            for part in content
        ]
        return {**message, "content": parts}

    return _each(example, changed)


def _role(message: Any) -> str | None:
    role = message.get("role") if isinstance(message, dict) else None
    return role if isinstance(role, str) else None


def fold_system(example: Example) -> Example:
    systems = [m for m in _messages(example) if _role(m) in SYSTEM_ROLES]
    rest = [m for m in _messages(example) if _role(m) not in SYSTEM_ROLES]
    place = next((n for n, m in enumerate(rest) if _role(m) == "user"), None)
    texts = [m["content"] for m in systems if isinstance(m.get("content"), str)]
    if place is None or not systems or len(texts) < len(systems):
        return example
    asked = rest[place]
    if not isinstance(asked.get("content"), str):
        return example
    rest[place] = {**asked, "content": "\n\n".join([*texts, asked["content"]])}
    return _with(example, rest)


def drop_system(example: Example) -> Example:
    kept = [m for m in _messages(example) if _role(m) not in SYSTEM_ROLES]
    return _with(example, kept)


def map_roles(example: Example, roles: Mapping[str, str]) -> Example:
    def renamed(message: Example) -> Example:
        role = message.get("role")
        new = roles.get(role) if isinstance(role, str) else None
        return message if new is None else {**message, "role": new}

    return _each(example, renamed)


def normalize(example: Example) -> Example:
    def normal(message: Example) -> Example:
        role, content = message.get("role"), message.get("content")
        name = role.strip().lower() if isinstance(role, str) else ""
        known = name if name in ROLES else ROLE_OF.get(name, role)
        if isinstance(content, list) and all(
            isinstance(part, dict) and isinstance(part.get("text"), str)
            for part in content
        ):
            content = "".join(part["text"] for part in content)
        changed = {**message, "role": known}
        return {**changed, "content": content} if "content" in message else changed

    return _each(example, normal)


def mask_private(example: Example) -> Example:
    return _each(_texts(example, detection.redacted), _mask_calls)


def _mask_calls(message: Example) -> Example:
    calls = message.get("tool_calls")
    if not isinstance(calls, list):
        return message
    return {**message, "tool_calls": [_mask_call(call) for call in calls]}


def _mask_call(call: Any) -> Any:
    """Only arguments: ids and names connect calls with their results."""
    function = call.get("function") if isinstance(call, dict) else None
    if not isinstance(function, dict) or "arguments" not in function:
        return call
    masked = mask_arguments(function["arguments"])
    return {**call, "function": {**function, "arguments": masked}}


def _lower_roles(example: Example) -> Example:
    return map_roles(
        example, {form: role for role in ROLES for form in (role.upper(), role.title())}
    )


def _systems_first(example: Example) -> Example:
    return _with(
        example,
        sorted(_messages(example), key=lambda m: _role(m) not in SYSTEM_ROLES),
    )


def _joined(example: Example) -> Example:
    messages: list[Any] = []
    for message in _messages(example):
        last = messages[-1] if messages else {}
        if _role(message) in {"user", "assistant"} and _joinable(last, message):
            text = f"{last['content']}\n\n{message['content']}"
            messages[-1] = {**last, "content": text}
        else:
            messages.append(message)
    return _with(example, messages)


def _joinable(first: Any, second: Any) -> bool:
    """Whether two messages differ only in their text."""
    return (
        _role(first) == _role(second)
        and set(first) == set(second) == {"role", "content"}
        and isinstance(first["content"], str)
        and isinstance(second["content"], str)
    )


def _question_first(example: Example) -> Example:
    messages = _messages(example)
    systems = [m for m in messages if _role(m) in SYSTEM_ROLES]
    place = next((n for n, m in enumerate(messages) if _role(m) == "user"), None)
    if place is None:
        return example
    before = [m for m in messages[:place] if _role(m) in SYSTEM_ROLES]
    after = messages[place:]
    return _with(example, before + after) if before or not systems else example


def _answer_last(example: Example) -> Example:
    messages = list(_messages(example))
    while len(messages) > 1 and _role(messages[-1]) != "assistant":
        messages.pop()
    return _with(example, messages)


def _usual_weights(example: Example) -> Example:
    def usual(message: Example) -> Example:
        weight = message.get("weight", 1)
        if weight in (0, 1) and not isinstance(weight, bool):
            return message
        return {key: value for key, value in message.items() if key != "weight"}

    return _each(example, usual)


def _without_control(example: Example) -> Example:
    return _texts(example, lambda text: CONTROL.sub("", text))


def _decoded_again(example: Example) -> Example:
    return _texts(example, decoded_again)


def decoded_again(text: str) -> str:
    """Repairs UTF-8 that was decoded as Windows-1252; returns other text unchanged."""
    if not MOJIBAKE.search(text):
        return text
    try:
        return text.encode("cp1252").decode()
    except UnicodeError:
        return text


FIXERS: dict[str, Fix] = {
    "lower_roles": _lower_roles,
    "systems_first": _systems_first,
    "join_messages": _joined,
    "question_first": _question_first,
    "answer_last": _answer_last,
    "usual_weights": _usual_weights,
    "remove_control_tokens": _without_control,
    "decode_again": _decoded_again,
}
FIXES: dict[str, Fix] = {  # by kind of fault
    kind.name: FIXERS[kind.fixer] for kind in KINDS.values() if kind.fixer in FIXERS
}
PLAIN: dict[str, Fix] = {
    "fold_system": fold_system,
    "drop_system": drop_system,
    "mask_private": mask_private,
    "normalize": normalize,
}


def repaired(example: Example, repair: Repair) -> Example:
    """The example after `repair`; kinds that remove examples leave it unchanged."""
    example = copy.deepcopy(example)
    if repair.kind == "map_roles":
        return map_roles(example, repair.roles)
    if repair.kind == "fix_faults":
        for kind in repair.faults:
            example = FIXES[kind](example)
        return example
    change = PLAIN.get(repair.kind)
    return change(example) if change else example


def repair_of(
    kind: str, faults: Sequence[str] = (), roles: Mapping[str, str] | None = None
) -> Repair:
    """Raises InvalidInput for a repair that cannot be applied."""
    if kind not in REPAIR_KINDS:
        raise InvalidInput(named_one_of("kind", kind, REPAIR_KINDS))
    if kind in {"drop_faults", "fix_faults"}:
        known = KINDS if kind == "drop_faults" else FIXES
        unknown = [fault for fault in faults if fault not in known]
        if unknown or not faults:
            found = shown(unknown[0]) if unknown else "an empty list"
            raise InvalidInput(
                f"faults of {kind} is {found}; expected any of {', '.join(known)}."
            )
    if kind == "map_roles" and not roles:
        raise InvalidInput('map_roles needs roles, such as {"human": "user"}.')
    for role in (roles or {}).values():
        if kind == "map_roles" and role not in ROLES:
            raise InvalidInput(named_one_of("roles of map_roles", role, ROLES))
    return Repair(kind, tuple(faults), dict(roles or {}))
