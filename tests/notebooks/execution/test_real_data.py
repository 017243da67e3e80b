"""Notebooks of real datasets: every row is trained on, validated on or named."""

import pytest

from tests.factories import jsonl
from tests.notebooks.execution.conftest import (
    BACKENDS,
    Tiny,
    make_notebook,
    make_task,
    on_both,
    run_tasks,
)
from tests.sources import real_folder

pytestmark = pytest.mark.execution


REAL = {
    "glaive_toolcall_en": "qwen3-0.6b",
    "kdconv_film_zh": "qwen2.5-3b",
    "xquad_ar": "gemma-3-1b",
    "banking77": "llama-3.2-1b",
    "gsm8k_1500": "smollm2-1.7b",
}


@pytest.fixture(scope="session")
def real(models, tmp_path_factory):
    """Notebooks of real datasets, with rows longer than the limit."""

    def run(backend):
        folder = tmp_path_factory.mktemp(f"real-{backend}")
        data = {
            name: (real_folder() / f"{name}.chat.jsonl").read_bytes() for name in REAL
        }
        paths = models.paths(
            [Tiny(slug, backend, data[name], 3000) for name, slug in REAL.items()]
        )
        settings = {"max_steps": 6}
        tasks = {
            name: make_task(
                folder / name, make_notebook(slug, backend, data[name], settings), path
            )
            for (name, slug), path in zip(REAL.items(), paths, strict=True)
        }
        return run_tasks(backend, tasks, folder)

    return on_both(run)


@pytest.mark.real_data
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", REAL)
def test_no_row_of_real_data_is_lost(real, name, backend):
    result = real[backend][name]

    assert result["ok"], result["error"]
    rows = result["RUN"]["rows"]
    given = (real_folder() / f"{name}.chat.jsonl").read_bytes().count(b"\n")
    assert rows["given"] == given
    assert rows["trained"] + rows["validation"] + rows["dropped"] == given
    assert result["masks"]["strangers"] == result["masks"]["ungraded"] == 0
    assert result["RUN"]["after"]["loss"] < result["RUN"]["before"]["loss"]


def test_data_without_an_answer_in_reach_are_named(models, tmp_path):
    long = {"role": "user", "content": "Why? " * 400}
    rows = [{"messages": [long, {"role": "assistant", "content": "So."}]}]
    fine = {"messages": [{"role": "user", "content": "a"},
                         {"role": "assistant", "content": "b"}]}  # fmt: skip
    data = jsonl([*rows, *[fine] * 12])
    (model,) = models.paths([Tiny("qwen3-0.6b", data=data)])
    task = make_task(
        tmp_path / "a", make_notebook("qwen3-0.6b", "trl", data), model,
        "MAX_STEPS = 2\nVALIDATION_FRACTION = 0.0",
    )  # fmt: skip

    (found,) = run_tasks("trl", {"a": task}, tmp_path).values()

    assert found["ok"], found["error"]
    assert found["RUN"]["rows"] == {
        "given": 13, "trained": 12, "validation": 0, "dropped": 1, "cut": 1
    }  # fmt: skip
    log = found["log"].read_text(encoding="utf-8")
    assert "dropped conversation 0: no answer within 640 tokens" in log
