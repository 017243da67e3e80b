"""An export read again is the same conversations."""

import io
import json

import pyarrow.parquet as pq
import pytest

from datasets.core.exports.export import FORMS, export
from datasets.core.ingestion.ingest import Limits, Targets, ingest
from slmgen.errors import InvalidInput
from tests.factories import jsonl, make_conversation
from tests.sources import own, real

LIMITS = Limits(max_bytes=10**9, max_row_bytes=10**7, min_examples=1)


def exported(content, form):
    target = io.BytesIO()
    export(io.BytesIO(content), target, form)
    return target.getvalue()


def read_again(content):
    targets = Targets(io.BytesIO(), io.BytesIO(), io.BytesIO())
    found = ingest(io.BytesIO(content), targets, LIMITS)
    lines = targets.examples.getvalue().splitlines()
    return found, [json.loads(line) for line in lines]


EXCHANGES = [
    own("word_problems.chat.jsonl"),
    own("office_tasks.chat.jsonl"),
    own("intents.chat.jsonl"),
    own("film_talk_zh.chat.jsonl"),
    own("reading_ar.chat.jsonl"),
    real("gsm8k_1500.chat.jsonl"),
    real("banking77.chat.jsonl"),
    real("kdconv_film_zh.chat.jsonl"),
]
WITH_TOOLS = [own("tool_calls.chat.jsonl"), real("glaive_toolcall_en.chat.jsonl")]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("source", EXCHANGES)
def test_whole_sets_survive_the_way_there_and_back(source, form):
    survives(source, form)


@pytest.mark.parametrize("form", [form for form in FORMS if form != "alpaca"])
@pytest.mark.parametrize("source", WITH_TOOLS)
def test_whole_sets_with_tools_survive_the_way_there_and_back(source, form):
    survives(source, form)


def survives(source, form):
    content = source.path.read_bytes()

    found, rows = read_again(exported(content, form))

    assert found.bad_lines == 0
    assert rows == [json.loads(line) for line in content.splitlines()]


def test_parquet_keeps_every_key_and_every_type():
    part = [{"type": "text", "text": "q"}]
    row = {
        "messages": [
            {"role": "user", "content": part, "name": "42", "mood": {"calm": True}},
            {"role": "assistant", "content": "1", "weight": 0},
        ],
        "id": 7,
        "tools": [{"type": "function", "function": {"name": "f"}}],
    }

    _, rows = read_again(exported(jsonl([row]), "parquet"))

    assert rows == [row]


def test_parquet_is_columns_that_others_read():
    content = exported(jsonl([make_conversation("q", "a")]), "parquet")

    (row,) = pq.read_table(io.BytesIO(content)).to_pylist()

    assert [m["content"] for m in row["messages"]] == ["q", "a"]


def test_alpaca_has_history_and_system():
    messages = [
        {"role": "system", "content": "s"}, {"role": "user", "content": "q1"},
        {"role": "assistant", "content": "a1"}, {"role": "user", "content": "q2"},
        {"role": "assistant", "content": "a2"},
    ]  # fmt: skip

    content = exported(jsonl([{"messages": messages}]), "alpaca")

    assert json.loads(content) == {
        "instruction": "q2", "input": "", "output": "a2", "system": "s",
        "history": [["q1", "a1"]],
    }  # fmt: skip
    assert read_again(content)[1] == [{"messages": messages}]


@pytest.mark.parametrize("source", WITH_TOOLS)
def test_alpaca_refuses_what_it_has_no_place_for(source):
    content = source.path.read_bytes()

    with pytest.raises(InvalidInput, match="Example 0 is not questions and answers"):
        exported(content, "alpaca")


def test_an_unknown_form_lists_the_known():
    with pytest.raises(InvalidInput, match="expected one of jsonl, alpaca, sharegpt"):
        exported(b"", "xlsx")
