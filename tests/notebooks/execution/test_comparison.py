"""The notebook that compares models."""

import pytest

from tests.notebooks.execution.conftest import (
    BACKENDS,
    Tiny,
    make_bake_off,
    make_task,
    on_both,
    run_tasks,
)

pytestmark = pytest.mark.execution


@pytest.fixture(scope="module")
def compared(models, tmp_path_factory):
    """Three models, of which the first may hardly train."""
    slugs = ("llama-3.2-1b", "qwen3-0.6b", "gemma-3-270m")

    def run(backend):
        folder = tmp_path_factory.mktemp(f"compared-{backend}")
        paths = models.paths([Tiny(slug, backend) for slug in slugs])
        codes = {
            slug: f"MODEL_ID = {str(path)!r}\nMAX_STEPS = {steps}"
            for slug, path, steps in zip(slugs, paths, (2, 60, 60), strict=True)
        }
        check = (
            "graded = sum(l != -100 for r in validation_rows for l in r['labels'])\n"
            "total = sum(RESULTS[MODEL_ID]['nats'].values())\n"
            "seen_by_test = [total / graded, after['loss']]"
        )
        task = make_task(
            folder / "all", make_bake_off(codes, backend), paths[0], collect=check
        )
        return {**run_tasks(backend, {"all": task}, folder)["all"], "paths": paths}

    return on_both(run)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_comparison_puts_the_model_last_that_learned_least(compared, backend):
    found = compared[backend]

    assert found["ok"], found["error"]
    bits = [found["RESULTS"][name]["bits"] for name in found["RANKED"]]
    assert bits == sorted(bits)
    assert found["RANKED"][-1] == str(found["paths"][0])
    assert set(found["RANKED"]) == set(map(str, found["paths"]))
    # The loss that the comparison adds up is the one that the trainer measures.
    by_comparison, by_trainer = found["seen_by_test"]
    assert by_comparison == pytest.approx(by_trainer, rel=0.02)
    log = found["log"].read_text(encoding="utf-8")
    assert "nats a conversation: " in log
    assert log.count("bits a character") == 3
