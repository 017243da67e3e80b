"""Vocabularies that packages carry."""

import pytest

from datasets.core.tokenization.vocabularies import (
    ENCODINGS,
    counter_of,
    encoder_of,
    split_special,
)

# Ids that the makers publish for these words.
KNOWN_IDS = {
    "qwen": {"Hello": 9707, "user": 872, "assistant": 77091},
    "o200k_base": {"Hello": 13225, "user": 1428},
    "cl100k_base": {"Hello": 9906, "user": 882},
}


@pytest.mark.parametrize("encoding", KNOWN_IDS)
def test_vocabularies_are_those_of_the_models(encoding):
    encode = encoder_of(encoding)

    found = {word: encode(word)[0][0] for word in KNOWN_IDS[encoding]}
    assert found == KNOWN_IDS[encoding]


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_counts_are_of_the_tokens_that_are_shown(encoding):
    texts = ["Hello world", "Gr\u00f6\u00dfe 12345 \u4e16\u754c don't\n\n  x", ""]

    found = [len(encoder_of(encoding)(text)) for text in texts]

    assert counter_of(encoding)(texts) == found


def test_special_texts_are_pieces_of_their_own():
    pieces = list(split_special("<a><ab>x<a>", ["<a>", "<ab>", "<a><ab>"]))

    assert pieces == [(0, "<a><ab>"), (7, "x"), (8, "<a>")]
