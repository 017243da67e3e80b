import json

import pytest

from notebooks.core.building.build import Facts
from tests.factories import jsonl, make_conversation
from tests.notebooks.made import code_of, data_cells, make_notebook, run


def split(rows, tmp_path):
    """Numbers of conversations to train on and to validate with."""
    data = jsonl(rows)
    content = make_notebook(data=data, facts=Facts("x", len(rows), 1))
    cells_of = data_cells(content) + code_of(content, "split")
    save = "json.dump([TRAINING, VALIDATION], open('split', 'w'))"
    done = run("import random", *cells_of, save, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    return json.loads((tmp_path / "split").read_text())


def test_the_same_question_stays_on_one_side(tmp_path):
    rows = [
        make_conversation(f"{'What' if n < 50 else 'WHAT '} is {n % 20}?", f"{n}")
        for n in range(100)
    ]  # fmt: skip

    training, validation = split(rows, tmp_path)

    assert sorted(training + validation) == list(range(100))
    assert len(validation) == 10
    assert not {n % 20 for n in training} & {n % 20 for n in validation}
    assert split(rows, tmp_path) == [training, validation]


def test_data_that_ask_one_question_are_split_all_the_same(tmp_path):
    rows = [make_conversation("Tell me a joke.", f"Joke {n // 2}.") for n in range(60)]

    training, validation = split(rows, tmp_path)

    assert len(validation) == 6
    assert not {n // 2 for n in training} & {n // 2 for n in validation}


@pytest.mark.parametrize(("count", "held_back"), [(1, 0), (9, 0), (10, 1), (12, 1)])
def test_few_conversations_are_all_trained_on(tmp_path, count, held_back):
    rows = [make_conversation(f"Question {n}?") for n in range(count)]

    training, validation = split(rows, tmp_path)

    assert (len(training), len(validation)) == (count - held_back, held_back)


def test_one_conversation_repeated_is_trained_on(tmp_path):
    training, validation = split([make_conversation()] * 30, tmp_path)

    assert (len(training), validation) == (30, [])
