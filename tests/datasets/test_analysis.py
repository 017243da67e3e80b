import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasets.core.analysis import Upload, analyze
from datasets.core.index import IndexBuilder, duplicates, read_records
from datasets.core.tokens import VocabularyError, token_counter
from tests.factories import jsonl, make_conversation, make_lines

CLEAN = Upload()


def words(text):
    return len(text.split())


def analyzed(content, upload=CLEAN, count_tokens=words):
    return analyze(
        io.BytesIO(content),
        upload,
        encoding="words",
        count_tokens=count_tokens,
        report=lambda done: None,
    )


def test_figures_are_counted_over_all_messages():
    rows = [
        make_conversation("one two", "three"),
        {
            "messages": [
                {"role": "developer", "content": "be kind"},
                {"role": "user", "content": "a b"},
                {"role": "assistant", "content": None, "tool_calls": [{"id": "1"}]},
                {"role": "tool", "content": "c"},
                {"role": "assistant", "content": "d e f"},
                {"role": "user", "content": "g"},
            ]
        },
    ]

    profile, _ = analyzed(jsonl(rows))

    assert profile.roles == {"user": 3, "assistant": 3, "system": 1, "tool": 1}
    assert profile.total_tokens == 12
    assert profile.average_tokens == 6
    assert profile.answer_tokens == 4
    assert profile.average_message_length == 3.6  # 29 characters, 8 messages
    assert (profile.multi_turn_examples, profile.multi_turn_percentage) == (1, 50.0)
    assert (profile.system_examples, profile.tool_examples) == (1, 1)


def test_bucket_bounds_belong_to_the_upper_bucket():
    lengths = [99, 100, 499, 500, 999, 1000]
    rows = [make_conversation("x " * (length - 1), "y") for length in lengths]

    profile, _ = analyzed(jsonl(rows))

    assert profile.token_buckets == {
        "0-100": 1,
        "100-500": 2,
        "500-1000": 2,
        "1000+": 1,
    }


def test_percentiles_are_lengths_that_occur():
    rows = [make_conversation("x " * n, "y") for n in range(1, 101)]

    profile, _ = analyzed(jsonl(rows))

    assert (profile.tokens_p50, profile.tokens_p95) == (51, 96)
    assert (profile.tokens_p99, profile.tokens_max) == (100, 101)


def test_the_average_is_rounded_half_up():
    rows = [make_conversation("a", "b"), make_conversation("a b", "c")]

    profile, _ = analyzed(jsonl(rows))

    assert profile.average_tokens == 3  # of 2.5


def test_a_copy_is_one_of_roles_contents_and_tool_calls():
    call = {"role": "assistant", "content": None, "tool_calls": [{"id": "1"}]}
    other = {"role": "assistant", "content": None, "tool_calls": [{"id": "2"}]}
    user = {"role": "user", "content": "x"}
    rows = [
        make_conversation("a", "b"),
        {"messages": [user, call]},
        make_conversation("a", "b", id=7),
        {"messages": [user, other]},
        make_conversation("ab", " b"),
        {"messages": [user, call]},
    ]

    profile, records = analyzed(jsonl(rows))

    assert duplicates(io.BytesIO(records.tobytes())) == [2, 5]
    assert profile.duplicates == 2


@given(st.lists(st.integers(0, 5), min_size=1, max_size=60))
def test_first_copies_are_those_of_a_plain_search(kinds):
    index = IndexBuilder()
    for kind in kinds:
        index.add(length=1, tokens=1, digest=bytes([kind] * 16))

    assert index.build()["first"].tolist() == [kinds.index(kind) for kind in kinds]


plain_text = st.text(
    st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=50
)


@given(st.lists(plain_text, min_size=1), st.integers(0, 20))
def test_the_index_finds_every_line(texts, start):
    content = jsonl([make_conversation(f"q{text}", "a") for text in texts])
    _, records = analyzed(content)

    found = read_records(io.BytesIO(records.tobytes()), start, 5)

    lines = content.split(b"\n")[:-1][start : start + 5]
    cut = [content[r["offset"] : r["offset"] + r["length"]] for r in found]
    assert cut == lines


def test_scripts_are_told_apart():
    rows = [make_conversation("مرحبا بالعالم", "नमस्ते")] * 20

    profile, _ = analyzed(jsonl(rows))

    assert list(profile.scripts) == ["arabic", "devanagari"]
    assert profile.scripts["arabic"] == pytest.approx(12 / 18, abs=0.1)


def test_a_clean_set_loses_nothing():
    profile, _ = analyzed(make_lines(60))

    assert (profile.quality_score, profile.quality_issues) == (1.0, [])
    assert profile.format_valid


def test_an_unknown_vocabulary_is_refused():
    with pytest.raises(VocabularyError, match="known are o200k_base"):
        token_counter("p50k_base")


def test_markers_in_the_text_are_counted_as_text():
    assert token_counter("o200k_base")("<|endoftext|>") > 1


def test_progress_is_reported_in_bytes():
    content, seen = make_lines(1200), []

    analyze(
        io.BytesIO(content), CLEAN,
        encoding="words", count_tokens=words, report=seen.append,
    )  # fmt: skip

    assert len(seen) == 2
    assert np.all(np.diff(seen) > 0)
    assert seen[-1] < len(content)
