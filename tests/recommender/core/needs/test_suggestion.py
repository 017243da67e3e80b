"""The task is guessed from the data, and right where the true one is known."""

import json

import pytest

from recommender.core.catalog.catalog import Target, Task
from recommender.core.needs.data_signals import exchange_of, signs_of
from recommender.core.needs.suggestion import suggest
from tests.factories import jsonl, make_conversation, make_dataset
from tests.recommender.test_recommender import make_profile
from tests.sources import own, real

TRUE_TASKS = [
    own("film_talk_zh.chat.jsonl", Task.CONVERSATION),
    own("identity.chat.jsonl", Task.CONVERSATION),
    own("intents.chat.jsonl", Task.CLASSIFICATION),
    own("introductions.sharegpt.json", Task.CONVERSATION),
    own("office_tasks.chat.jsonl", Task.INSTRUCTION_FOLLOWING),
    own("quiz_ja.chat.jsonl", Task.QA),
    own("reading_ar.chat.jsonl", Task.QA),
    own("role_play.alpaca_response.json", Task.GENERATION),
    own("seed_tasks.alpaca.json", Task.INSTRUCTION_FOLLOWING),
    own("shell.prompt_completion.jsonl", Task.CODE_GENERATION),
    own("small_talk_ko.chat.jsonl", Task.CONVERSATION),
    own("tool_calls.chat.jsonl", Task.CONVERSATION),
    own("word_problems.chat.jsonl", Task.QA),
    real("banking77.chat.jsonl", Task.CLASSIFICATION),
    real("fastchat_dummy.sharegpt.json", Task.CONVERSATION),
    real("glaive_toolcall_en.chat.jsonl", Task.CONVERSATION),
    real("gpteacher_roleplay.alpaca_response.json", Task.GENERATION),
    real("gsm8k_1500.chat.jsonl", Task.QA),
    real("identity_91.chat.jsonl", Task.CONVERSATION),
    real("jcommonsenseqa_ja.chat.jsonl", Task.QA),
    real("kdconv_film_zh.chat.jsonl", Task.CONVERSATION),
    real("korean_chatbot_5000.chat.jsonl", Task.CONVERSATION),
    real("nl2bash_3000.prompt_completion.jsonl", Task.CODE_GENERATION),
    real("self_instruct_seed.alpaca.json", Task.INSTRUCTION_FOLLOWING),
    real("user_oriented_252.chat.jsonl", Task.INSTRUCTION_FOLLOWING),
    real("xquad_ar.chat.jsonl", Task.QA),
]
ROLES = {"human": "user", "gpt": "assistant"}


def pair(question, answer):
    return make_conversation(question, answer)["messages"]


def conversations(path):
    """The file's conversations, whatever its publishers' form."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".jsonl":
        rows = [json.loads(line) for line in text.split("\n") if line]
    else:
        rows = json.loads(text)
    return [messages_of(row) for row in rows]


def messages_of(row):
    if "messages" in row:
        return row["messages"]
    if "conversations" in row:
        return [
            {"role": ROLES[turn["from"]], "content": turn["value"]}
            for turn in row["conversations"]
        ]
    if "prompt" in row:
        return pair(row["prompt"], row["completion"])
    question = f"{row['instruction']}\n{row.get('input', '')}".strip()
    return pair(question, row.get("output", row.get("response")))


def suggested(messages, **changes):
    signs = signs_of(map(exchange_of, messages))
    return suggest(signs, make_profile(**changes))


@pytest.mark.parametrize(("source", "task"), TRUE_TASKS)
def test_the_true_task_of_whole_sets_is_suggested(source, task):
    found = suggested(conversations(source.path))

    assert found.task.task is task, found.task.reason


def made(answer, question="Do it: item {n}", count=40):
    return [pair(question.format(n=n), answer.format(n=n)) for n in range(count)]


CLUES = [
    (made('{{"name": "x{n}"}}'), Task.EXTRACTION, "100% of the answers are JSON"),
    (made("```python\nprint({n})\n```"), Task.CODE_GENERATION, "100% of the answers"),
    (made("spam", "Buy {n} of these now, they are cheap"), Task.CLASSIFICATION,
     "100% of the answers are as short as a label and only 2% of them differ"),
    (made("It went well, said report {n}.", "Summarize: " + "word " * 60 + "{n}"),
     Task.SUMMARIZATION, "100% of the inputs ask for a summary"),
    (made("Once upon a time " * 9 + "{n}", "Write a story about {n}"), Task.GENERATION,
     "100% of the inputs ask for a text to be made up"),
]  # fmt: skip


@pytest.mark.parametrize(("messages", "task", "reason"), CLUES)
def test_a_pattern_has_its_task_and_its_figure(messages, task, reason):
    found = suggested(messages)

    assert found.task.task is task
    assert reason in found.task.reason


def test_the_target_follows_what_the_data_demand():
    labels = made("spam", "Buy {n} of these now, they are cheap")

    assert suggested(labels).target is Target.EDGE
    assert suggested(labels, tokens_p99=9000).target is Target.SERVER
    assert suggested(labels, tool_examples=4).target is Target.SERVER
    assert suggested(made("x" * 70 + "{n}")).target is Target.DESKTOP


def test_placeholders_are_no_code():
    answers = made("I am {{{{name}}}}, made by {{{{author}}}}, number {n}")

    assert suggested(answers).task.task is not Task.CODE_GENERATION


@pytest.mark.django_db
def test_a_dataset_is_suggested_for(client):
    rows = [make_conversation(f"Mail {n}: buy now", "spam") for n in range(120)]
    dataset = make_dataset(jsonl(rows))

    found = client.get(f"/datasets/{dataset.id}/suggest").json()

    assert found["task_type"] == "classification"
    assert found["deployment_target"] == "edge"
    assert found["examined"] == 120
    assert [clue["task_type"] for clue in found["alternatives"]] == [
        "conversation", "instruction_following",
    ]  # fmt: skip


@pytest.mark.django_db
def test_a_large_dataset_is_sampled_from_start_to_end(client):
    rows = [make_conversation(f"Mail {n}: buy", "spam") for n in range(900)]
    rows += [make_conversation(f"Give {n}", f'{{"n": {n}}}') for n in range(2100)]
    dataset = make_dataset(jsonl(rows))

    found = client.get(f"/datasets/{dataset.id}/suggest").json()

    assert found["examined"] == 1000
    assert found["task_type"] == "extraction"
    assert "70% of the answers are JSON" in found["task_reason"]
