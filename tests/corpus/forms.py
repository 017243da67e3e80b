"""Conversations in the layouts and containers in which people keep them."""

import csv
import io
import json
from collections.abc import Iterable, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

Example = dict[str, Any]  # with "messages", as chat JSON Lines have it

SHAREGPT = {"user": "human", "assistant": "gpt", "system": "system"}


def exchange(question: str, answer: str, system: str = "") -> Example:
    return talk([question, answer], system)


def talk(turns: Sequence[str], system: str = "") -> Example:
    """User and assistant in turn."""
    messages = [{"role": "system", "content": system}] if system else []
    for place, text in enumerate(turns):
        messages.append({"role": ("user", "assistant")[place % 2], "content": text})
    return {"messages": messages}


def chat(examples: Iterable[Example]) -> bytes:
    return json_lines(examples)


def json_lines(rows: Iterable[Any]) -> bytes:
    return b"".join(
        json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in rows
    )


def sharegpt(examples: Iterable[Example]) -> bytes:
    """An array of objects with `conversations`; calls, results and tools are text."""
    return _array(map(_sharegpt, examples))


def _sharegpt(example: Example) -> Example:
    turns = [_turn(message) for message in example["messages"]]
    row: Example = {"conversations": turns}
    if "tools" in example:
        functions = [tool["function"] for tool in example["tools"]]
        row["tools"] = json.dumps(functions, ensure_ascii=False)
    return row


def _turn(message: Example) -> dict[str, str]:
    if message["role"] == "tool":
        return {"from": "observation", "value": message["content"]}
    if calls := message.get("tool_calls"):
        call = calls[0]["function"]
        told = {"name": call["name"], "arguments": json.loads(call["arguments"])}
        return {
            "from": "function_call",
            "value": json.dumps(told, ensure_ascii=False),
        }
    return {"from": SHAREGPT[message["role"]], "value": message["content"]}


def alpaca(examples: Iterable[Example], answer: str = "output") -> bytes:
    """An array of single exchanges; what follows an empty line is the `input`."""
    rows = []
    for question, said in map(_pair, examples):
        instruction, _, context = question.partition("\n\n")
        rows.append({"instruction": instruction, "input": context, answer: said})
    return _array(rows)


def prompt_completion(examples: Iterable[Example]) -> bytes:
    return json_lines(
        {"prompt": question, "completion": answer}
        for question, answer in map(_pair, examples)
    )


def table(header: Sequence[str], examples: Iterable[Example], *more: object) -> bytes:
    """CSV of questions and answers, with the same further cells in each row."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([*_pair(example), *more] for example in examples)
    return file.getvalue().encode()


def parquet(header: Sequence[str], examples: Iterable[Example]) -> bytes:
    columns = zip(*map(_pair, examples), strict=True)
    target = io.BytesIO()
    pq.write_table(pa.table(dict(zip(header, map(list, columns), strict=True))), target)
    return target.getvalue()


def _pair(example: Example) -> tuple[str, str]:
    """The last question and its answer."""
    question, answer = example["messages"][-2:]
    return question["content"], answer["content"]


def _array(rows: Iterable[Any]) -> bytes:
    return json.dumps(list(rows), ensure_ascii=False, indent=1).encode() + b"\n"
