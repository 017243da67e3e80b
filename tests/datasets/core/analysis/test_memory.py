"""What native code remembers of counted texts changes no count."""

import json
import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets.core.analysis.chunk import chunk_statistics
from datasets.core.readers.rows import LineBlock
from datasets.core.tokenization.counter import token_counter
from datasets.core.validation import native as module
from datasets.core.validation.native import Memory
from tests.datasets.core.validation.test_native_library import is_expected
from tests.factories import make_conversation

pytestmark = pytest.mark.skipif(
    not is_expected(),
    reason="there is no Rust compiler, so no native code that remembers",
)
COUNT = token_counter("o200k_base")


def measured(text, memory):
    return chunk_statistics(LineBlock(1, 0, text), count=COUNT, memory=memory, seed=5)


WORDS = st.sampled_from(["one", "two", "trois", "vier 四", "", "one two " * 9])


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.lists(WORDS, min_size=1, max_size=5), max_size=8),
    st.integers(0, 99),
    st.sampled_from([0, 1, 3, 2**64 - 1]),
)
def test_what_is_remembered_is_counted_the_same(batches, limit, mask):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "REMEMBERED_BYTES", limit)
        patch.setattr(module, "HASH_MASK", mask)  # texts with equal hashes
        memory = Memory()
    for words in batches:
        rows = [make_conversation("q", word) for word in words]
        text = b"".join(json.dumps(row).encode() + b"\n" for row in rows)
        assert measured(text, memory) == measured(text, Memory())


def test_a_text_is_counted_once_while_it_is_remembered():
    memory = Memory()
    line = b'{"messages": [{"role": "user", "content": "one"}]}\n'
    other = line.replace(b"one", b"two")

    assert new_texts(line + line + other, memory) == ["one", "two"]
    assert new_texts(other + line, memory) == []
    assert new_texts(line, Memory()) == ["one"]
    assert new_texts(line, pickle.loads(pickle.dumps(memory))) == ["one"]


def test_what_was_counted_long_ago_is_forgotten(monkeypatch):
    monkeypatch.setattr(module, "REMEMBERED_BYTES", 40)
    memory = Memory()
    line = b'{"messages": [{"role": "user", "content": "the first"}]}\n'
    others = [line.replace(b"first", b"other%d" % number) for number in range(9)]

    assert new_texts(line + others[0], memory) == ["the first", "the other0"]
    assert new_texts(others[1], memory) == ["the other1"]  # half of it is younger now
    assert new_texts(line + others[0], memory) == []
    assert new_texts(b"".join(others[2:]), memory) != []
    assert new_texts(line, memory) == ["the first"]


def test_a_text_of_half_the_memory_is_counted_each_time(monkeypatch):
    monkeypatch.setattr(module, "REMEMBERED_BYTES", 40)
    memory = Memory()
    line = b'{"messages": [{"role": "user", "content": "%s"}]}\n' % (b"long " * 5)

    for _ in range(2):
        assert new_texts(line, memory) == ["long " * 5]


def new_texts(text, memory):
    counted = []
    chunk_statistics(
        LineBlock(1, 0, text), seed=5, memory=memory,
        count=lambda texts: counted.extend(texts) or COUNT(texts),
    )  # fmt: skip
    return counted
