"""Examples file → the formats of other tools, without loss."""

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any, BinaryIO

import msgspec

from datasets.core.canonical import weighted
from datasets.core.conversation import SYSTEM_ROLES, Message
from datasets.core.readers.json_text import decode
from datasets.core.readers.rows import Progress
from datasets.core.validation.tool_calls import calls_of
from slmgen.error_text import named_one_of
from slmgen.errors import InvalidInput

SPEAKERS = {"user": "human", "assistant": "gpt", "tool": "observation",
            "function": "observation", "system": "system",
            "developer": "system"}  # fmt: skip
ROWS_AT_ONCE = 1_000

Row = dict[str, Any]


def export(examples: Iterable[bytes], target: BinaryIO, form: str) -> None:
    """Raises InvalidInput for an unknown format, and for data that the format cannot
    hold."""
    if form not in FORMS:
        raise InvalidInput(named_one_of("format", form, FORMS))
    FORMS[form](examples, target)


def _copy(examples: Iterable[bytes], target: BinaryIO) -> None:
    target.writelines(examples)


def _lines(convert: Callable[[Row, list[Message], int], Row]) -> Any:
    def write(examples: Iterable[bytes], target: BinaryIO) -> None:
        for row in _rows(examples, convert):
            target.write(msgspec.json.encode(row) + b"\n")

    return write


def _rows(
    examples: Iterable[bytes], convert: Callable[[Row, list[Message], int], Row]
) -> Iterator[Row]:
    for place, line in enumerate(examples):
        value = decode(line)
        extra = {key: value[key] for key in value if key != "messages"}
        yield {**convert(value, weighted(line), place), **extra}


def _alpaca(value: Row, messages: list[Message], place: int) -> Row:
    """The last exchange of a row; earlier ones are its history."""
    systems = [m.text for m in messages if m.role in SYSTEM_ROLES]
    turns = [m for m in messages if m.role not in SYSTEM_ROLES]
    roles = [turn.role for turn in turns]
    in_turn = roles == ["user", "assistant"] * (len(roles) // 2)
    if not in_turn or value.get("tools") or any(turn.calls for turn in turns):
        raise InvalidInput(
            f"Example {place:,} is not questions and answers in turn, or uses tools; "
            "Alpaca has no place for it: export jsonl or sharegpt, or repair it first."
        )
    texts = [turn.text for turn in turns]
    row: Row = {"instruction": texts[-2], "input": "", "output": texts[-1]}
    if systems:
        row["system"] = "\n\n".join(systems)
    if texts[:-2]:
        row["history"] = [texts[n : n + 2] for n in range(0, len(texts) - 2, 2)]
    return row


def _sharegpt(value: Row, messages: list[Message], place: int) -> Row:
    turns: list[Row] = []
    for message in messages:
        if message.text or not message.calls:
            turn: Row = {"from": SPEAKERS[message.role], "value": message.text}
            turns.append(_weighted(turn, message))
        if message.calls:
            text = json.dumps(_calls(message), ensure_ascii=False)
            turns.append(_weighted({"from": "function_call", "value": text}, message))
    return {"conversations": turns}


def _weighted(turn: Row, message: Message) -> Row:
    return turn if message.weight is None else {**turn, "weight": message.weight}


def _calls(message: Message) -> Any:
    calls = [_call(call) for call in calls_of(message)]
    return calls[0] if len(calls) == 1 else calls


def _call(call: Any) -> Any:
    function = call.get("function") if isinstance(call, dict) else None
    if not isinstance(function, dict):
        return call
    arguments = function.get("arguments", "{}")
    with suppress(json.JSONDecodeError):
        arguments = json.loads(arguments) if isinstance(arguments, str) else arguments
    return {"name": function.get("name"), "arguments": arguments}


def _parquet(examples: Iterable[bytes], target: BinaryIO) -> None:
    # Imported late: Arrow nearly doubles a process's memory.
    from datasets.core.readers import parquet

    parquet.write(_rows(examples, _columns), target)


def _columns(value: Row, messages: list[Message], place: int) -> Row:
    return {"messages": value["messages"]}


def export_file(
    examples: BinaryIO, target: BinaryIO, form: str, report: Progress
) -> None:
    """`export` of a file; `report` gets the number of bytes done."""

    def lines() -> Iterator[bytes]:
        done = 0
        for line in examples:
            done += len(line)
            report(done)
            yield line

    export(lines(), target, form)


FORMS: dict[str, Callable[[Iterable[bytes], BinaryIO], None]] = {
    "jsonl": _copy,
    "alpaca": _lines(_alpaca),
    "sharegpt": _lines(_sharegpt),
    "parquet": _parquet,
}
