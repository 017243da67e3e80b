"""The closer look: languages, near duplicates, private data, labels, split."""

import io
import json
import random
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets.core import labels, near, split
from datasets.core.analysis import Counting, Upload, analyze
from datasets.core.conversations import whole_text
from datasets.core.edits import edits, unedited_share
from datasets.core.insights import look_closer
from datasets.core.language import guess
from datasets.core.near import Cluster, clusters
from datasets.core.outliers import long_and_short
from datasets.core.reading import transcript
from datasets.core.tokenizers import TOKENIZERS, lengths_of
from tests.factories import jsonl, make_conversation, make_lines


def looked_at(content, processes=1):
    file = io.BytesIO(content)
    _, records = analyze(file, Upload(), Counting(), lambda done: None)
    file.seek(0)
    return look_closer(file, records, processes, lambda done: None)


def clustered(texts):
    encoded = [near.normal(text) for text in texts]
    return clusters(near.sketches_of(encoded), lambda at: encoded[at])


def edited(text, source):
    """One word in twenty replaced, at least one."""
    words = text.split(" ")
    for _ in range(max(1, len(words) // 20)):
        words[source.randrange(len(words))] = source.choice(["other", "thing", "more"])
    return " ".join(words)


@pytest.mark.parametrize("name", ["gsm8k_1500", "user_oriented_252"])
def test_planted_near_duplicates_are_found_and_no_others(shared_data, name):
    """Both sets have no near duplicates of their own."""
    lines = (shared_data / f"{name}.chat.jsonl").read_bytes().splitlines()
    texts = [whole_text(transcript(line)) for line in lines]
    source = random.Random(1)
    long = [place for place, text in enumerate(texts) if len(text) > 150]
    planted = {
        (place, len(texts) + n): edited(texts[place], source)
        for n, place in enumerate(source.sample(long, 120))
    }

    found = clustered([*texts, *planted.values()])

    pairs = {each.members for each in found}
    hits = len(pairs & planted.keys())
    assert hits / len(planted) >= 0.95
    assert hits / len(pairs) >= 0.95


def test_texts_that_are_too_short_are_alike_by_chance_only():
    assert clustered(["yes please", "yes please", "no thanks"]) == []


def misspelt(text, source):
    """One character in forty replaced, at least one, blanks doubled and in capitals."""
    characters = list(text)
    for _ in range(max(1, len(characters) // 40)):
        characters[source.randrange(len(characters))] = source.choice("aeiou. ")
    return "".join(characters).replace(" ", "  ").upper()


@pytest.mark.parametrize("name", ["banking77", "korean_chatbot_5000"])
def test_short_texts_that_are_misspelt_are_near_duplicates(shared_data, name):
    lines = (shared_data / f"{name}.chat.jsonl").read_bytes().splitlines()[:2000]
    texts = [whole_text(transcript(line)) for line in lines]
    source = random.Random(1)
    short = [n for n, text in enumerate(texts) if 24 <= len(text.encode()) < 150]
    chosen = source.sample(short, 150)

    found = clustered([*texts, *(misspelt(texts[place], source) for place in chosen)])

    groups = {member: each.members[0] for each in found for member in each.members}
    hits = sum(groups.get(place) == groups.get(len(texts) + n, "none")
               for n, place in enumerate(chosen))  # fmt: skip
    assert hits / len(chosen) >= 0.95


def test_of_short_texts_as_many_are_found_as_comparing_all_with_all_finds(shared_data):
    lines = (shared_data / "banking77.chat.jsonl").read_bytes().splitlines()[:400]
    texts = [whole_text(transcript(line)) for line in lines]
    normal = [near.normal(text).decode() for text in texts]
    short = [n for n, text in enumerate(normal) if 24 <= len(text) < near.SHORT_BYTES]
    pairs = [
        (a, b) for at, a in enumerate(short) for b in short[at + 1 :]
        if unedited_share(normal[a], normal[b], near.SIMILAR_SHORT)
    ]  # fmt: skip

    found = clustered(texts)

    groups = {member: each.members[0] for each in found for member in each.members}
    together = [groups.get(a, -1) == groups.get(b, -2) for a, b in pairs]
    assert len(pairs) > 20
    assert sum(together) / len(pairs) >= 0.95
    alike = {member for pair in pairs for member in pair}
    assert len(set(groups) - alike) <= 0.05 * len(alike)  # longer ones


@settings(max_examples=200, deadline=None)
@given(st.text("abc é", max_size=12), st.text("abc é", max_size=12))
def test_edits_are_the_distance_of_the_textbook(first, second):
    row = list(range(len(second) + 1))
    for place, one in enumerate(first, 1):
        before, row = row, [place]
        for at, other in enumerate(second, 1):
            change = before[at - 1] + (one != other)
            row.append(min(before[at] + 1, row[-1] + 1, change))

    assert edits(first, second, 12) == row[-1]
    assert edits(first, second, row[-1] - 1) is None


def test_sketches_do_not_depend_on_how_texts_are_cut_into_batches(shared_data):
    lines = (shared_data / "gsm8k_1500.chat.jsonl").read_bytes().splitlines()[:300]
    texts = [near.normal(whole_text(transcript(line))) for line in lines]

    parts = np.concatenate(
        [near.sketches_of(texts[:100]), near.sketches_of(texts[100:])]
    )

    assert (parts == near.sketches_of(texts)).all()


@settings(max_examples=50, deadline=None)
@given(st.lists(st.text(max_size=60), max_size=8))
def test_any_texts_can_be_compared(texts):
    twice = clustered([*texts, *texts])

    long = {near.normal(t) for t in texts if len(near.normal(t)) >= near.MIN_BYTES}
    assert len(twice) <= len(long)
    assert all(len(each.members) >= 2 for each in twice)


LANGUAGES = {
    "gsm8k_1500": "en", "xquad_ar": "ar", "kdconv_film_zh": "zh",
    "korean_chatbot_5000": "ko", "jcommonsenseqa_ja": "ja", "user_oriented_252": "en",
}  # fmt: skip


@pytest.mark.parametrize("name", LANGUAGES)
def test_languages_of_real_texts_over_sixty_characters_are_told(shared_data, name):
    lines = (shared_data / f"{name}.chat.jsonl").read_bytes().splitlines()
    texts = [whole_text(transcript(line)) for line in lines]
    long = [text for text in texts if len(text) > 60] or texts

    right = sum(guess(text).language == LANGUAGES[name] for text in long)

    assert right / len(long) >= 0.95


def test_too_little_text_has_no_language():
    assert guess("ok").language == "unknown"
    assert guess("").language == "unknown"


def test_private_data_are_counted_and_shown_masked():
    rows = [
        make_conversation("Write to anna.mayer@example.org", "Done."),
        make_conversation("My key is AKIAIOSFODNN7EXAMPLE", "Keep it safe."),
        *json_rows(make_lines(50)),
    ]

    found = looked_at(jsonl(rows)).private

    assert (found["kinds"], found["examples"]) == ({"email": 1, "aws_key": 1}, 2)
    assert found["first"][0] == {
        "example": 0, "message": 0, "kind": "email", "masked": "an…(22 characters)"
    }  # fmt: skip
    assert "mayer" not in json.dumps(found)


def json_rows(content):
    return [json.loads(line) for line in content.splitlines()]


def test_one_prompt_with_two_answers_is_a_conflict():
    rows = [
        make_conversation("a", "1"), make_conversation("b", "1"),
        make_conversation("a", "2"), make_conversation("a", "1"),
    ]  # fmt: skip

    found = looked_at(jsonl(rows)).conflicting_answers

    assert found == {"prompts": 1, "examples": 3, "first": [[0, 2, 3]]}


def test_labels_of_a_classification_set_are_balanced(shared_data):
    found = looked_at((shared_data / "banking77.chat.jsonl").read_bytes()).labels

    assert (found["labels"], found["most"], found["least"]) == (77, 40, 40)
    assert found["imbalance"] == 1.0


def test_answers_that_differ_are_no_labels():
    assert labels.balance(Counter({f"a{n}": 1 for n in range(50)}), 50) is None
    assert labels.balance(None, 50) is None


def test_outliers_are_far_from_the_others():
    tokens = np.array([100, 110, 90, 105, 95] * 20 + [20_000, 1], np.uint32)

    found = long_and_short(tokens)

    assert found["long"] == {"count": 1, "first": [100]}
    assert found["short"] == {"count": 1, "first": [101]}


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 30), min_size=1, max_size=200))
def test_a_split_keeps_what_is_alike_together(kinds):
    first = np.array([kinds.index(kind) for kind in kinds])

    found = split.plan(first, [])

    assert found["leaks"] == 0
    assert found["training"] + found["validation"] == len(kinds)
    assert found["validation"] <= 0.1 * len(kinds)


def test_a_random_split_of_pairs_leaks_and_ours_does_not():
    first = np.arange(400)
    pairs = [Cluster((n, n + 200), 0.9) for n in range(200)]

    found = split.plan(first, pairs)

    assert (found["leaks"], found["validation"]) == (0, 40)
    assert found["leaks_of_a_random_split"] > 20


def counted(*turns):
    messages = [{"role": role, "content": content} for role, content in turns]
    line = jsonl([{"messages": messages}]).rstrip()
    return {
        name: (each.summary()["tokens"], each.summary()["with_template"])
        for name, each in lengths_of([transcript(line)]).items()
    }


def test_tokenizers_count_the_text_and_what_their_template_adds():
    found = counted(("user", "Hello world"), ("assistant", "Hi"))

    # <|im_start|>user\nHello world<|im_end|>\n<|im_start|>assistant\nHi<|im_end|>\n
    assert found["qwen3-2507"] == (3, 3 + 2 * 5)
    assert found["qwen3"] == (3, 3 + 2 * 5 + 4)  # <think>\n\n</think>\n\n
    assert found["o200k"] == (3, 3 + 2 * 2)
    assert set(found) == set(TOKENIZERS)


def test_a_template_with_a_system_message_of_its_own_adds_it_where_there_is_none():
    turns = [("user", "Hello world"), ("assistant", "Hi")]
    # "system\n" is two tokens, "You are Qwen, created by Alibaba Cloud. …" 16
    without = counted(*turns)["qwen2.5"]
    given = counted(("system", "Be kind"), *turns)["qwen2.5"]

    assert without == (3, 3 + 2 * 5 + 3 + 2 + 16)
    assert given == (5, 5 + 3 * 5)


def test_white_space_at_the_start_joins_the_line_feed_of_the_role():
    plain = counted(("user", "a"), ("assistant", "b"))["qwen3-2507"]
    feed = counted(("user", "\na"), ("assistant", "b"))["qwen3-2507"]

    assert (feed[0], feed[1]) == (plain[0] + 1, plain[1])  # "\n\n" is one token


def test_rows_over_a_context_are_counted():
    line = jsonl([make_conversation(" word" * 3_000, "ok")]).rstrip()

    over = lengths_of([transcript(line)])["o200k"].summary()["over_context"]

    assert over["2048"] == 1
    assert not any(n for limit, n in over.items() if limit != "2048")


def test_processes_change_nothing(shared_data):
    content = (shared_data / "glaive_toolcall_en.chat.jsonl").read_bytes() * 4

    assert looked_at(content) == looked_at(content, processes=2)
