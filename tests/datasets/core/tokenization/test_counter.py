import json
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets.core.tokenization.counter import LIBRARIES, VocabularyError, token_counter
from tests.corpus.files import CHAT_FILES
from tests.sources import REAL_CHAT_FILES, Source


def test_an_unknown_vocabulary_is_refused():
    with pytest.raises(VocabularyError, match="known are o200k_base"):
        token_counter("p50k_base")


@pytest.mark.parametrize("library", LIBRARIES)
def test_markers_in_the_text_are_counted_as_text(library):
    assert token_counter("o200k_base", library)(["<|endoftext|>", ""]) == [7, 0]


OWN_CHATS = pytest.param([Source(name, False) for name in CHAT_FILES], id="own")
REAL_CHATS = pytest.param(
    [Source(name, True) for name in REAL_CHAT_FILES],
    id="real", marks=pytest.mark.real_data,
)  # fmt: skip


@pytest.mark.parametrize("encoding", ["o200k_base", "cl100k_base"])
@pytest.mark.parametrize("sources", [OWN_CHATS, REAL_CHATS])
def test_every_text_of_whole_sets_has_the_tokens_that_tiktoken_counts(
    sources, encoding
):
    texts = [
        message["content"]
        for source in sources
        for line in source.path.read_text(encoding="utf-8").splitlines()
        for message in json.loads(line)["messages"]
        if message["content"]
    ]

    counts = [token_counter(encoding, library)(texts) for library in LIBRARIES]

    assert len(texts) > 20_000
    assert counts[0] == counts[1]


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.text(st.characters(exclude_categories=["Cs", "Cn"]), max_size=80)
        | st.text("aA1 \n\t'sdm.,éß中😀\u0301\u3000", max_size=80)
    )
)
def test_any_text_has_the_tokens_that_tiktoken_counts(texts):
    for encoding in ("o200k_base", "cl100k_base"):
        counts = [token_counter(encoding, library)(texts) for library in LIBRARIES]

        assert counts[0] == counts[1]


@pytest.mark.parametrize("text", [" " * 150_000, "a" * 150_000, "\n \t" * 50_000])
def test_long_runs_have_the_tokens_that_tiktoken_counts(text):
    counts = [token_counter("o200k_base", library)([text]) for library in LIBRARIES]

    assert counts[0] == counts[1]


def test_every_character_is_counted_as_tiktoken_counts_it():
    """Each library has tables of its own of what is a letter. Those of Python are older
    than both; characters that only newer ones have may be counted otherwise."""
    letters = [
        character
        for character in map(chr, range(0x110000))
        if unicodedata.category(character) not in {"Cs", "Cn"}
    ]
    for form in ("{}:A", "a{}1"):
        texts = [form.format(letter) for letter in letters]
        counts = [token_counter("o200k_base", library)(texts) for library in LIBRARIES]
        assert counts[0] == counts[1]
