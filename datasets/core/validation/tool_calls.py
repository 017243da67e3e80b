"""Tool calls and their results."""

from collections.abc import Sequence
from itertools import islice
from typing import Any

import msgspec

from datasets.core.conversation import TOOL_ROLES, Message
from datasets.core.faults import catalog
from datasets.core.faults.fault import Fault, kind_of, shown


def call_faults(messages: Sequence[Message]) -> list[Fault]:
    faults: list[Fault] = []
    waiting: dict[Any, int] = {}  # ids of calls without a result, with their number
    called = False
    for place, message in enumerate(messages):
        calls = calls_of(message)
        called = called or bool(calls)
        for number, call in enumerate(calls):
            faults += _faults_of_call(call, place, number)
            if isinstance(call, dict) and call.get("id") is not None:
                key = _hashable(call["id"])
                waiting[key] = waiting.get(key, 0) + 1
        if message.role in TOOL_ROLES:
            fault = _fault_of_result(message, place, waiting, called)
            faults += [fault] if fault else []
    return faults


def calls_of(message: Message) -> list[Any]:
    if message.function_call:
        return [{"function": message.function_call}]
    calls = message.tool_calls
    return calls if isinstance(calls, list) else [calls] if calls else []


def _faults_of_call(call: Any, place: int, number: int) -> list[Fault]:
    function = call.get("function") if isinstance(call, dict) else None
    if not isinstance(function, dict) or not isinstance(function.get("name"), str):
        return [
            Fault(
                catalog.TOOL_CALL,
                place,
                f"tool_calls[{number}]",
                found=f"a call without a function name ({kind_of(call)})",
            )
        ]
    arguments = function.get("arguments", "{}")
    if isinstance(arguments, dict) or _is_object(arguments):
        return []
    field = f"tool_calls[{number}].function.arguments"
    return [Fault(catalog.ARGUMENTS, place, field, found=shown(arguments))]


def _hashable(key: Any) -> Any:
    """The id, or its JSON text where it is a list or an object."""
    return key if isinstance(key, str | int | None) else msgspec.json.encode(key)


def _is_object(arguments: Any) -> bool:
    if not isinstance(arguments, str):
        return False
    try:
        return isinstance(msgspec.json.decode(arguments), dict)
    except (msgspec.DecodeError, RecursionError):
        return False


def _fault_of_result(
    message: Message, place: int, waiting: dict[Any, int], called: bool
) -> Fault | None:
    if not called:
        return Fault(
            catalog.TOOL_RESULT_WITHOUT_CALL,
            place,
            "role",
            found=f"'{message.role}' before any tool call",
        )
    key = message.tool_call_id
    if (known := _hashable(key)) in waiting:
        waiting[known] -= 1
        if not waiting[known]:
            del waiting[known]
        return None
    if key is None and (message.role == "function" or not waiting):
        return None  # the older form, with names instead of ids
    first = ", ".join(map(shown, islice(waiting, 3))) or "none, all are answered"
    return Fault(
        catalog.TOOL_CALL_ID,
        place,
        "tool_call_id",
        found="missing" if key is None else shown(key),
        expected=f"{catalog.TOOL_CALL_ID.expected} ({first})",
    )
