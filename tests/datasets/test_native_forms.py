"""What publishers have on disk, read by us, against the same examples as chat files."""

import hashlib
import io
import json

import pytest

from datasets.core.analysis import Counting, Upload, analyze
from datasets.core.ingest import Limits, Targets, ingest

LIMITS = Limits(max_bytes=10**9, max_row_bytes=10**7, min_examples=1)


def read(path):
    examples = io.BytesIO()
    with path.open("rb") as file:
        targets = Targets(examples, io.BytesIO(), io.BytesIO())
        found = ingest(file, targets, LIMITS)
    return found, examples


def hashes(examples):
    """Of who says and calls what in each example; arguments by their value."""
    return [
        hashlib.sha256(json.dumps([said(m) for m in row["messages"]]).encode()).digest()
        for row in map(json.loads, examples.getvalue().splitlines())
    ]


def said(message):
    calls = [call["function"] for call in message.get("tool_calls") or ()]
    return [
        message["role"],
        message.get("content") or "",
        [[call["name"], json.loads(call["arguments"])] for call in calls],
    ]


@pytest.mark.parametrize(
    ("native", "chat"),
    [
        ("gsm8k_300.parquet", "gsm8k_1500.chat.jsonl"),
        ("glaive_toolcall_en.sharegpt.json", "glaive_toolcall_en.chat.jsonl"),
        ("korean_chatbot.csv", "korean_chatbot_5000.chat.jsonl"),
    ],
)
def test_native_files_hold_the_examples_of_their_chat_files(shared_data, native, chat):
    converted = hashes(read(shared_data / native)[1])
    published = hashes(read(shared_data / chat)[1])

    shorter = min(len(converted), len(published))
    assert shorter >= 300
    assert converted[:shorter] == published[:shorter]


def test_banking_questions_are_the_same_but_for_the_system_prompt(shared_data):
    _, table = read(shared_data / "banking77.csv")
    _, chat = read(shared_data / "banking77.chat.jsonl")
    rows = [json.loads(line) for line in chat.getvalue().splitlines()]
    bare = b"\n".join(
        json.dumps({"messages": row["messages"][1:]}).encode() for row in rows
    )

    assert hashes(table) == hashes(io.BytesIO(bare))


# Examples that the publishers' files have.
COUNTS = {
    "banking77.csv": 3_080,
    "fastchat_dummy.sharegpt.json": 500,
    "glaive_toolcall_en.sharegpt.json": 300,
    "gpteacher_roleplay.alpaca_response.json": 1_923,
    "gsm8k_300.parquet": 300,
    "korean_chatbot.csv": 11_823,
    "nl2bash_3000.prompt_completion.jsonl": 3_000,
    "self_instruct_seed.alpaca.json": 175,
}


@pytest.mark.parametrize("name", COUNTS)
def test_every_published_example_of_a_native_file_is_read(shared_data, name):
    found, examples = read(shared_data / name)
    examples.seek(0)

    profile, _ = analyze(
        examples, Upload(found.bad_lines), Counting(), lambda done: None
    )

    assert found.bad_lines == COUNTS[name] - found.examples
    assert profile.total_examples == found.examples


def test_roles_and_tokens_of_both_forms_are_the_same(shared_data):
    figures = []
    for name in ("glaive_toolcall_en.sharegpt.json", "glaive_toolcall_en.chat.jsonl"):
        found, examples = read(shared_data / name)
        examples.seek(0)
        profile, _ = analyze(
            examples, Upload(found.bad_lines), Counting(), lambda done: None
        )
        figures.append(
            (profile.roles, profile.total_tokens, profile.duplicates,
             profile.average_message_length, profile.multi_turn_percentage)
        )  # fmt: skip

    assert figures[0] == figures[1]
