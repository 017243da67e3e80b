"""No input ends in anything but a result or a named refusal."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.fuzz import HOSTILE, damaged, is_read, seeds_of
from tests.corpus.files import FILES
from tests.sources import REAL_FILES, Source

OWN = pytest.param([Source(name, False) for name in FILES], id="own")
REAL = pytest.param(
    [Source(name, True) for name in REAL_FILES], id="real", marks=pytest.mark.real_data
)


@pytest.fixture(scope="session", params=[OWN, REAL])
def seeds(request):
    """Heads of files to begin with, of every layout and container."""
    return seeds_of([source.path for source in request.param])


@settings(max_examples=150, deadline=None)
@given(st.randoms(use_true_random=False))
def test_a_damaged_file_is_read_or_refused(seeds, source):
    content = damaged(source.choice(seeds), seeds, source)

    assert is_read(content) in {True, False}


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(HOSTILE) | st.binary(max_size=12), max_size=30))
def test_hostile_pieces_are_read_or_refused(pieces):
    assert is_read(b"".join(pieces)) in {True, False}


@pytest.mark.parametrize("place", range(0, 400, 7))
def test_every_head_may_end_anywhere(seeds, place):
    for seed in seeds:
        assert is_read(seed[: len(seed) * place // 400]) in {True, False}
