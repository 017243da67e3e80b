"""The closer look: languages, near duplicates, private data, labels, split."""

import io
import json
import random
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets.core.analysis.analyze import Counting, Upload, analyze
from datasets.core.analysis.language import guess
from datasets.core.canonical import transcript
from datasets.core.conversation import whole_text
from datasets.core.insights import label_balance, near_duplicates, validation_split
from datasets.core.insights.insights import find_insights
from datasets.core.insights.length_outliers import long_and_short
from datasets.core.insights.near_duplicates import Cluster, clusters, unedited_share
from recommender.services import catalog
from tests.corpus.families import intents
from tests.corpus.spoiled import edited
from tests.factories import jsonl, make_conversation, make_lines
from tests.sources import own, real


def looked_at(content, processes=1):
    file = io.BytesIO(content)
    _, records = analyze(file, Upload(), Counting(), lambda done: None)
    file.seek(0)
    tokenizers = catalog().tokenizers
    return find_insights(file, records, tokenizers, processes, lambda done: None)


def clustered(texts):
    encoded = [near_duplicates.normalized(text) for text in texts]
    return clusters(near_duplicates.sketches_of(encoded), lambda at: encoded[at])


WITHOUT_NEAR_DUPLICATES = [
    own("word_problems.chat.jsonl"),
    own("office_tasks.chat.jsonl"),
    real("gsm8k_1500.chat.jsonl"),
    real("user_oriented_252.chat.jsonl"),
]


@pytest.mark.parametrize("source", WITHOUT_NEAR_DUPLICATES)
def test_planted_near_duplicates_are_found_and_no_others(source):
    lines = source.path.read_bytes().splitlines()
    texts = [whole_text(transcript(line)) for line in lines]
    chance = random.Random(1)
    long = [place for place, text in enumerate(texts) if len(text) > 150]
    planted = {
        (place, len(texts) + n): edited(texts[place], chance)
        for n, place in enumerate(chance.sample(long, 120))
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


SHORT_TEXTS = [
    own("intents.chat.jsonl"),
    own("small_talk_ko.chat.jsonl"),
    real("banking77.chat.jsonl"),
    real("korean_chatbot_5000.chat.jsonl"),
]


@pytest.mark.parametrize("source", SHORT_TEXTS)
def test_short_texts_that_are_misspelt_are_near_duplicates(source):
    lines = source.path.read_bytes().splitlines()[:2000]
    texts = [whole_text(transcript(line)) for line in lines]
    chance = random.Random(1)
    short = [n for n, text in enumerate(texts) if 24 <= len(text.encode()) < 150]
    chosen = chance.sample(short, 150)

    found = clustered([*texts, *(misspelt(texts[place], chance) for place in chosen)])

    groups = {member: each.members[0] for each in found for member in each.members}
    hits = sum(groups.get(place) == groups.get(len(texts) + n, "none")
               for n, place in enumerate(chosen))  # fmt: skip
    assert hits / len(chosen) >= 0.95


@pytest.mark.parametrize(
    "source",
    [
        own("intents.chat.jsonl"),
        own("small_talk_ko.chat.jsonl"),
        real("banking77.chat.jsonl"),
    ],
)
def test_of_short_texts_as_many_are_found_as_comparing_all_with_all_finds(source):
    lines = source.path.read_bytes().splitlines()[:400]
    texts = [whole_text(transcript(line)) for line in lines]
    normalized = [near_duplicates.normalized(text).decode() for text in texts]
    short = [
        n
        for n, text in enumerate(normalized)
        if 24 <= len(text) < near_duplicates.SHORT_BYTES
    ]
    pairs = [
        (a, b) for at, a in enumerate(short) for b in short[at + 1 :]
        if unedited_share(normalized[a], normalized[b], near_duplicates.SIMILAR_SHORT)
    ]  # fmt: skip

    found = clustered(texts)

    groups = {member: each.members[0] for each in found for member in each.members}
    together = [groups.get(a, -1) == groups.get(b, -2) for a, b in pairs]
    assert len(pairs) > 20
    assert sum(together) / len(pairs) >= 0.95
    alike = {member for pair in pairs for member in pair}
    assert len(set(groups) - alike) <= 0.05 * len(alike)  # longer ones


SHARES = [
    ("", "", 0.8, 1.0),
    ("where is my card", "where is my card", 0.8, 1.0),
    ("where is my card", "where is my cart", 0.8, 1 - 1 / 16),
    ("where is my card", "were is my cards", 0.8, 1 - 2 / 16),
    ("where is my card", "where was my cord", 0.9, 0.0),
    ("kitten", "sitting", 0.5, 1 - 3 / 7),  # the distance of the textbook: three
    ("naïve", "naive", 0.8, 0.0),  # 1 - 0.8 is a little less than a fifth
]


@pytest.mark.parametrize(("first", "second", "least", "share"), SHARES)
def test_the_unedited_share_is_what_no_edit_touches(first, second, least, share):
    assert unedited_share(first, second, least) == share


@pytest.mark.parametrize(
    "source",
    [
        own("word_problems.chat.jsonl"),
        own("reading_ar.chat.jsonl"),
        own("tool_calls.chat.jsonl"),
        real("gsm8k_1500.chat.jsonl"),
    ],
)
def test_sketches_do_not_depend_on_how_texts_are_cut_into_batches(source):
    lines = source.path.read_bytes().splitlines()[:300]
    texts = [near_duplicates.normalized(whole_text(transcript(line))) for line in lines]

    parts = np.concatenate(
        [
            near_duplicates.sketches_of(texts[:100]),
            near_duplicates.sketches_of(texts[100:]),
        ]
    )

    assert (parts == near_duplicates.sketches_of(texts)).all()


@settings(max_examples=50, deadline=None)
@given(st.lists(st.text(max_size=60), max_size=8))
def test_any_texts_can_be_compared(texts):
    twice = clustered([*texts, *texts])

    long = {
        near_duplicates.normalized(t)
        for t in texts
        if len(near_duplicates.normalized(t)) >= near_duplicates.MIN_BYTES
    }
    assert len(twice) <= len(long)
    assert all(len(each.members) >= 2 for each in twice)


LANGUAGES = [
    own("word_problems.chat.jsonl", "en"),
    own("office_tasks.chat.jsonl", "en"),
    own("reading_ar.chat.jsonl", "ar"),
    own("film_talk_zh.chat.jsonl", "zh"),
    own("small_talk_ko.chat.jsonl", "ko"),
    own("quiz_ja.chat.jsonl", "ja"),
    real("gsm8k_1500.chat.jsonl", "en"),
    real("user_oriented_252.chat.jsonl", "en"),
    real("xquad_ar.chat.jsonl", "ar"),
    real("kdconv_film_zh.chat.jsonl", "zh"),
    real("korean_chatbot_5000.chat.jsonl", "ko"),
    real("jcommonsenseqa_ja.chat.jsonl", "ja"),
]


@pytest.mark.parametrize(("source", "language"), LANGUAGES)
def test_languages_of_texts_over_sixty_characters_are_told(source, language):
    lines = source.path.read_bytes().splitlines()
    texts = [whole_text(transcript(line)) for line in lines]
    long = [text for text in texts if len(text) > 60] or texts

    right = sum(guess(text).language == language for text in long)

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


@pytest.mark.parametrize(
    ("source", "count"),
    [
        own("intents.chat.jsonl", intents.labels()),
        real("banking77.chat.jsonl", 77),
    ],
)
def test_labels_of_a_classification_set_are_balanced(source, count):
    found = looked_at(source.path.read_bytes()).labels

    assert (found["labels"], found["most"], found["least"]) == (count, 40, 40)
    assert found["imbalance"] == 1.0


def test_answers_that_differ_are_no_labels():
    assert label_balance.balance(Counter({f"a{n}": 1 for n in range(50)}), 50) is None
    assert label_balance.balance(None, 50) is None


def test_outliers_are_far_from_the_others():
    tokens = np.array([100, 110, 90, 105, 95] * 20 + [20_000, 1], np.uint32)

    found = long_and_short(tokens)

    assert found["long"] == {"count": 1, "first": [100]}
    assert found["short"] == {"count": 1, "first": [101]}


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 30), min_size=1, max_size=200))
def test_a_split_keeps_what_is_alike_together(kinds):
    first = np.array([kinds.index(kind) for kind in kinds])

    found = validation_split.plan(first, [])

    assert found["leaks"] == 0
    assert found["training"] + found["validation"] == len(kinds)
    assert found["validation"] <= 0.1 * len(kinds)


def test_a_random_split_of_pairs_leaks_and_ours_does_not():
    first = np.arange(400)
    pairs = [Cluster((n, n + 200), 0.9) for n in range(200)]

    found = validation_split.plan(first, pairs)

    assert (found["leaks"], found["validation"]) == (0, 40)
    assert found["leaks_of_a_random_split"] > 20


@pytest.mark.parametrize(
    "source", [own("tool_calls.chat.jsonl"), real("glaive_toolcall_en.chat.jsonl")]
)
def test_processes_change_nothing(source):
    content = source.path.read_bytes() * 4

    assert looked_at(content) == looked_at(content, processes=2)
