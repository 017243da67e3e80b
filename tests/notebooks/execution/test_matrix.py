"""Every notebook we can generate is executed end to end, on a tiny model of its kind.

Needs the environments that `make test-notebooks` makes; `-m execution` chooses it.
"""

import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from notebooks.core.building.pins import pins
from recommender.services import catalog
from tests.notebooks.execution.conftest import (
    BACKENDS,
    NEW_TOKENS,
    SETTINGS,
    SLUGS,
    Tiny,
    call,
    chosen_slugs,
    make_notebook,
    make_task,
    on_both,
    row_of,
    run_tasks,
)

pytestmark = pytest.mark.execution

# Their scores are divided by a constant, so that a tiny model's loss falls less.
SCALED = {"GraniteForCausalLM": 0.97, "Cohere2ForCausalLM": 0.97}
CONVERTED = [slug for slug in chosen_slugs() if row_of(slug).get("gguf")]


@pytest.fixture(scope="session")
def results(models, llama_cpp, tmp_path_factory):
    """What came of every chosen model with every backend."""

    def run(backend):
        folder = tmp_path_factory.mktemp(backend)
        tasks = {}
        paths = models.paths([Tiny(slug, backend) for slug in chosen_slugs()])
        for slug, model in zip(chosen_slugs(), paths, strict=True):
            own = folder / slug
            own.mkdir()
            (own / "llama.cpp").symlink_to(llama_cpp)
            gguf = "f16" if slug in CONVERTED else ""
            tasks[slug] = make_task(
                own, make_notebook(slug, backend), model,
                f"SAVE_MERGED = True\nGGUF = {gguf!r}",
            )  # fmt: skip
        return run_tasks(backend, tasks, folder)

    found = on_both(run)
    if path := os.environ.get("SLMGEN_MATRIX"):
        Path(path).write_text(matrix_of(found), encoding="utf-8")
    return found


def matrix_of(found) -> str:
    """The results as a document."""
    versions = "\n".join(
        f"- {backend}: "
        + ", ".join(pins(backend).exact)
        for backend in BACKENDS
    )  # fmt: skip
    lines = [
        f"| {slug} | {row_of(slug)['class']} | {template_of(slug)} | "
        + " | ".join(cell_of(found[backend][slug]) for backend in BACKENDS)
        + f" | {'yes' if slug in CONVERTED else ''} |"
        for slug in chosen_slugs()
    ]
    return (
        "# Notebooks executed\n\n"
        "Each notebook, as it is generated, end to end on a CPU with a tiny "
        "random-weight model of the\nclass: validation loss before → after 60 "
        "steps, seconds. Written by `make notebook-matrix`\n"
        f"on {datetime.now(UTC):%Y-%m-%d}, Python {sys.version.split()[0]}, "
        "torch 2.13.0.\n\n"
        f"{versions}\n\n"
        "| model | class | chat template | trl | unsloth | GGUF run by llama.cpp |\n"
        "|---|---|---|---|---|---|\n" + "\n".join(lines) + "\n"
    )


def template_of(slug):
    row = row_of(slug)
    return "ours" if row["template_text"] else f"real ({row['template']})"


def cell_of(result):
    if not result["ok"]:
        return "failed"
    before, after = result["RUN"]["before"]["loss"], result["RUN"]["after"]["loss"]
    return f"{before:.2f} → {after:.2f}, {result['seconds']} s"


def test_every_model_of_the_catalog_has_a_row():
    assert set(SLUGS) == {model.slug for model in catalog().models}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("slug", chosen_slugs())
def test_the_notebook_runs_and_the_model_learns(results, slug, backend):
    result = results[backend][slug]

    assert result["ok"], result["error"]
    run = result["RUN"]
    most = SCALED.get(row_of(slug)["class"], 0.6)
    assert run["after"]["loss"] < most * run["before"]["loss"]
    assert run["after"]["token_accuracy"] > run["before"]["token_accuracy"]
    # A model that has learned the few rows stops before the last step.
    assert SETTINGS["max_steps"] / 2 < run["steps"] <= SETTINGS["max_steps"]
    assert run["rows"] == {
        "given": 72, "trained": 65, "validation": 7, "dropped": 0, "cut": 0
    }  # fmt: skip
    assert result["masks"] == {
        "rows": 72, "unfound": 0, "ungraded": 0, "strangers": 0, "ends": 0
    }  # fmt: skip
    assert result["after_answers"] != result["before_answers"]
    assert result["same"] == len(result["prompts"]) == 3
    # Unsloth merges to bfloat16; its rounding may turn what a tiny model is unsure of.
    assert result["merged_same"] >= (3 if backend == "trl" else 2)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("slug", chosen_slugs())
def test_the_files_are_there_and_tell_what_happened(results, slug, backend):
    result = results[backend][slug]
    folder = result["folder"]
    run = json.loads((folder / "outputs/run.json").read_text(encoding="utf-8"))
    card = (folder / "outputs/adapter/README.md").read_text(encoding="utf-8")

    assert run == result["RUN"]
    assert (
        f"| loss | {run['before']['loss']:.4f} | {run['after']['loss']:.4f} |" in card
    )
    assert (folder / "outputs/loss.png").read_bytes().startswith(b"\x89PNG")
    assert (folder / "outputs/adapter/adapter_model.safetensors").exists()
    assert (folder / "outputs/merged/config.json").exists()


@pytest.fixture(scope="session")
def spoken(results, tmp_path_factory):
    """What llama.cpp answers with each converted model."""
    folder = tmp_path_factory.mktemp("gguf")
    keys = [(backend, slug) for backend in BACKENDS for slug in CONVERTED]
    tasks = [
        {
            "gguf": str(results[b][s]["folder"] / results[b][s]["GGUF_FILE"]),
            "prompts": results[b][s]["prompts"],
            "tokens": NEW_TOKENS,
            "stop": results[b][s]["END_OF_TURN"],
        }
        for b, s in keys
    ]
    (folder / "tasks.json").write_text(json.dumps(tasks))
    call("trl", "run_gguf.py", folder / "tasks.json", folder / "answers.json")
    return dict(
        zip(keys, json.loads((folder / "answers.json").read_text()), strict=True)
    )


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("slug", CONVERTED)
def test_llama_cpp_answers_as_the_merged_model_does(results, spoken, slug, backend):
    result = results[backend][slug]

    assert spoken[backend, slug] == result["merged_answers"]
    assert result["ollama_same"] == result["plain"] == 3
    modelfile = (result["folder"] / "outputs/Modelfile").read_text(encoding="utf-8")
    assert modelfile.startswith("FROM ./model-f16.gguf\nTEMPLATE ")
