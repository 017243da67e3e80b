import io
from array import array
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasets.core.analysis.analyze import Counting, Upload, analyze
from datasets.core.analysis.chunk import ChunkStatistics
from datasets.core.analysis.example_index import (
    BLOCK_LENGTHS,
    RECORD,
    ExampleLengths,
    IndexBuilder,
    chunks,
    confirmed,
    duplicates,
    later_copies,
    linked,
    read_records,
    to_bytes,
)
from datasets.core.analysis.scripts import letters
from datasets.core.analysis.statistics import Statistics
from tests.factories import jsonl, make_conversation, make_lines

CLEAN = Upload()


def analyzed(content, processes=1):
    counting = Counting(processes=processes)
    return analyze(io.BytesIO(content), CLEAN, counting, lambda done: None)


def test_languages_are_estimated_from_rows_spread_over_the_file():
    english = make_conversation("Where is my parcel? I have waited for days.", "Here.")
    german = make_conversation("Wo ist mein Paket? Ich warte seit Tagen.", "Es kommt.")

    profile, _ = analyzed(jsonl([english] * 750 + [german] * 250))

    assert profile.sampled_languages == {"en": 150, "de": 50}


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
    rows = [make_conversation(" x" * (length - 1), "y") for length in lengths]

    profile, _ = analyzed(jsonl(rows))

    assert profile.token_buckets == {
        "0-100": 1,
        "100-500": 2,
        "500-1000": 2,
        "1000+": 1,
    }


def test_percentiles_are_lengths_that_occur():
    rows = [make_conversation(" x" * n, "y") for n in range(1, 101)]

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

    assert duplicates(io.BytesIO(records.tobytes()), len(records)) == [2, 5]
    assert profile.duplicates == 2


@given(st.lists(st.integers(0, 5), min_size=1, max_size=60))
def test_first_copies_are_those_of_a_plain_search(kinds):
    rows = [make_conversation(f"q{kind}", "a") for kind in kinds]

    _, records = analyzed(jsonl(rows))

    assert records["first"].tolist() == [kinds.index(kind) for kind in kinds]


def test_equal_digests_of_different_examples_are_no_copies():
    index = IndexBuilder()
    lines = {0: b"a", 2: b"b", 4: b"A"}
    index.add(
        ChunkStatistics(
            Statistics(), array("I", [1, 1, 1]), array("I", [1, 1, 1]), bytes(48), 6
        )
    )

    records = confirmed(
        index.build(), lambda offset, length: lines[offset], bytes.lower
    )

    assert records["first"].tolist() == [0, 1, 0]


@pytest.mark.parametrize("processes", [2, 3])
def test_processes_change_nothing(processes):
    content = make_lines(30_000) + make_lines(200)

    one, one_index = analyzed(content)
    more, more_index = analyzed(content, processes=processes)

    assert one == more
    assert (one_index == more_index).all()


plain_text = st.text(
    st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=50
)


@given(st.lists(plain_text, min_size=1), st.integers(0, 20))
def test_the_index_finds_every_line(texts, start):
    content = jsonl([make_conversation(f"q{text}", "a") for text in texts])
    _, records = analyzed(content)

    found = read_records(io.BytesIO(to_bytes(records)), start, len(texts[start:]))

    lines = content.split(b"\n")[:-1][start:]
    cut = [content[r["offset"] : r["offset"] + r["length"]] for r in found]
    assert cut == lines


class CountedFile(io.BytesIO):
    """Knows how much of it was read."""

    taken = 0

    def read(self, size=-1):
        data = super().read(size)
        self.taken += len(data)
        return data


lengths_of_rows = st.lists(st.integers(0, 50), min_size=1, max_size=300)


@given(lengths_of_rows | st.just(list(range(5 * BLOCK_LENGTHS))), st.integers(-1, 60))
def test_the_table_of_lengths_counts_exactly(tokens, limit):
    records = np.zeros(len(tokens), RECORD)
    records["tokens"] = tokens
    file = io.BytesIO(to_bytes(records))
    table = ExampleLengths(file, len(tokens), len(set(tokens)))

    for wanted in (limit, 10 * limit, 50 * limit):
        assert table.longer(wanted) == sum(one > wanted for one in tokens)


def test_few_blocks_of_a_long_table_are_read():
    records = np.zeros(1_000_000, RECORD)
    records["tokens"] = np.arange(len(records))
    file = CountedFile(to_bytes(records))

    assert ExampleLengths(file, len(records), len(records)).longer(700_000) == 299_999
    assert file.taken < 64_000


def test_copies_are_followed_one_by_one():
    records = np.zeros(7, RECORD)
    records["first"] = [0, 1, 0, 3, 1, 0, 6]
    records = linked(records)
    file = io.BytesIO(records.tobytes())

    found = [later_copies(file, place, records[place], 10) for place in range(7)]

    assert found == [[2, 5], [4], [5], [], [], [], []]
    assert later_copies(file, 0, records[0], 1) == [2]


def test_an_index_is_read_in_chunks_up_to_its_table():
    records = np.zeros(100, RECORD)
    records["tokens"] = np.arange(100)
    file = io.BytesIO(to_bytes(records))

    found = list(chunks(file, 5, 100, 10))

    assert [start for start, _ in found] == [5, 15, 35, 75]
    assert np.concatenate([one["tokens"] for _, one in found]).tolist() == [
        *range(5, 100)
    ]


def test_scripts_are_told_apart():
    rows = [make_conversation("مرحبا بالعالم", "नमस्ते")] * 20

    profile, _ = analyzed(jsonl(rows))

    assert list(profile.scripts) == ["arabic", "devanagari"]
    assert profile.scripts["arabic"] == pytest.approx(12 / 18, abs=0.1)


def test_a_clean_set_loses_nothing():
    profile, _ = analyzed(make_lines(60))

    assert (profile.quality_score, profile.quality_issues) == (1.0, [])
    assert profile.format_valid


def test_progress_is_reported_in_bytes():
    content, seen = make_lines(20_000), []

    analyze(io.BytesIO(content), CLEAN, Counting(), seen.append)

    assert len(seen) == 3
    assert np.all(np.diff(seen) > 0)
    assert seen[-1] == len(content)


@given(st.text(st.characters(max_codepoint=127)))
def test_letters_of_plain_text_are_counted_like_those_among_others(text):
    assert letters(text) + Counter(latin=1) == letters(text + "é")
