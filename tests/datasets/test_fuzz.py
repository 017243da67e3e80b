"""No input ends in anything but a result or a named refusal."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.fuzz import HOSTILE, damaged, is_read, seeds_of


@pytest.fixture(scope="session")
def seeds(shared_data):
    return seeds_of(shared_data)


@settings(max_examples=150, deadline=None)
@given(st.randoms(use_true_random=False))
def test_a_damaged_real_file_is_read_or_refused(seeds, source):
    content = damaged(source.choice(seeds), seeds, source)

    assert is_read(content) in {True, False}


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(HOSTILE) | st.binary(max_size=12), max_size=30))
def test_hostile_pieces_are_read_or_refused(pieces):
    assert is_read(b"".join(pieces)) in {True, False}


@pytest.mark.parametrize("place", range(0, 400, 7))
def test_every_real_head_may_end_anywhere(seeds, place):
    for seed in seeds:
        assert is_read(seed[: len(seed) * place // 400]) in {True, False}
