"""What publishers have on disk, read by us, against the same examples as chat files."""

import hashlib
import io
import json

import pytest

from datasets.core.analysis.analyze import Counting, Upload, analyze
from datasets.core.ingestion.ingest import Limits, Targets, ingest
from tests.corpus.families import intents, making, shell, talk, tools
from tests.sources import own, real

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
        own("word_problems.parquet", "word_problems.chat.jsonl"),
        own("tool_calls.sharegpt.json", "tool_calls.chat.jsonl"),
        own("small_talk_ko.csv", "small_talk_ko.chat.jsonl"),
        real("gsm8k_300.parquet", "gsm8k_1500.chat.jsonl"),
        real(
            "glaive_toolcall_en.sharegpt.json",
            "glaive_toolcall_en.chat.jsonl",
        ),
        real("korean_chatbot.csv", "korean_chatbot_5000.chat.jsonl"),
    ],
)
def test_native_files_hold_the_examples_of_their_chat_files(native, chat):
    converted = hashes(read(native.path)[1])
    published = hashes(read(native.beside(chat).path)[1])

    shorter = min(len(converted), len(published))
    assert shorter >= 300
    assert converted[:shorter] == published[:shorter]


@pytest.mark.parametrize(
    ("native", "chat"),
    [
        own("intents.csv", "intents.chat.jsonl"),
        real("banking77.csv", "banking77.chat.jsonl"),
    ],
)
def test_labeled_questions_are_the_same_but_for_the_system_prompt(native, chat):
    _, table = read(native.path)
    _, labeled = read(native.beside(chat).path)
    rows = [json.loads(line) for line in labeled.getvalue().splitlines()]
    bare = b"\n".join(
        json.dumps({"messages": row["messages"][1:]}).encode() for row in rows
    )

    assert hashes(table) == hashes(io.BytesIO(bare))


COUNTS = [
    own("intents.csv", intents.PER_LABEL * intents.labels()),
    own("introductions.sharegpt.json", making.INTRODUCTIONS),
    own("tool_calls.sharegpt.json", tools.COUNT),
    own("role_play.alpaca_response.json", making.ROLE_PLAY),
    own("word_problems.parquet", 300),
    own("small_talk_ko.csv", talk.SMALL_TALK),
    own("shell.prompt_completion.jsonl", shell.COUNT),
    own("seed_tasks.alpaca.json", making.SEED_TASKS),
    # Examples that the publishers' files have.
    real("banking77.csv", 3_080),
    real("fastchat_dummy.sharegpt.json", 500),
    real("glaive_toolcall_en.sharegpt.json", 300),
    real("gpteacher_roleplay.alpaca_response.json", 1_923),
    real("gsm8k_300.parquet", 300),
    real("korean_chatbot.csv", 11_823),
    real("nl2bash_3000.prompt_completion.jsonl", 3_000),
    real("self_instruct_seed.alpaca.json", 175),
]


@pytest.mark.parametrize(("source", "count"), COUNTS)
def test_every_example_of_a_native_file_is_read(source, count):
    found, examples = read(source.path)
    examples.seek(0)

    profile, _ = analyze(
        examples, Upload(found.bad_lines), Counting(), lambda done: None
    )

    assert found.bad_lines == count - found.examples
    assert profile.total_examples == found.examples


@pytest.mark.parametrize(
    ("native", "chat"),
    [
        own("tool_calls.sharegpt.json", "tool_calls.chat.jsonl"),
        real(
            "glaive_toolcall_en.sharegpt.json",
            "glaive_toolcall_en.chat.jsonl",
        ),
    ],
)
def test_roles_and_tokens_of_both_forms_are_the_same(native, chat):
    figures = []
    for source in (native, native.beside(chat)):
        found, examples = read(source.path)
        examples.seek(0)
        profile, _ = analyze(
            examples, Upload(found.bad_lines), Counting(), lambda done: None
        )
        figures.append(
            (profile.roles, profile.total_tokens, profile.duplicates,
             profile.average_message_length, profile.multi_turn_percentage)
        )  # fmt: skip

    assert figures[0] == figures[1]
