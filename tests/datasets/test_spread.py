"""Batches are answered in order, whoever does them."""

import pytest

from datasets.core.spread import MOST_WAITING, in_threads, spread


@pytest.mark.parametrize("processes", [1, 2, 3])
def test_answers_come_in_the_order_of_the_items(processes):
    items = range(-3 * MOST_WAITING, 0)

    assert list(spread(abs, items, processes)) == [(item, -item) for item in items]


def test_items_are_not_read_far_ahead():
    read = []
    answers = spread(abs, (read.append(n) or n for n in range(1_000)), 2)

    next(answers)

    assert len(read) <= MOST_WAITING + 1
    answers.close()


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_threads_answer_in_the_order_of_the_items(threads):
    items = range(-50, 0)

    assert list(in_threads(abs, items, threads)) == [-item for item in items]
