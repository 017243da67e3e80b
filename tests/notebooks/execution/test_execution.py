"""Every notebook we can generate is executed end to end, on a tiny model of its kind.

Needs the environments that `make test-notebooks` makes; `-m execution` chooses it.
"""

import json
import os
import subprocess
import sys
import tomllib
from datetime import UTC, datetime
from pathlib import Path

import pytest

from notebooks.core.build import Facts, build
from notebooks.core.embed import embed
from notebooks.core.pins import pins
from notebooks.core.plan import plan
from notebooks.services import cells
from recommender.services import catalog
from tests.conftest import REPO
from tests.factories import jsonl
from tests.recommender.test_recommender import make_profile

pytestmark = pytest.mark.execution

HERE = Path(__file__).parent
TINY = tomllib.loads((HERE / "tiny.toml").read_text(encoding="utf-8"))
SLUGS = list(TINY["models"])
BACKENDS = ("trl", "unsloth")
SETTINGS = {
    "max_steps": 60, "batch_size": 8, "gradient_accumulation_steps": 1,
    "learning_rate": 0.01, "max_seq_length": 640, "quantization": "16bit",
}  # fmt: skip
SECONDS = 1500


def chosen() -> list[str]:
    """All models, or those named in SLMGEN_TEST_MODELS."""
    return os.environ.get("SLMGEN_TEST_MODELS", " ".join(SLUGS)).split()


def toy_examples():
    """72 conversations that a tiny model can learn: a third with a system prompt."""
    things = ["lamp", "boat", "coat", "drum", "fork", "gate", "harp", "kite"]
    colors = ["red", "blue", "green"]
    rows = []
    for n, thing in enumerate(things * 9):
        color = colors[things.index(thing) % 3]
        messages = [
            {"role": "user", "content": f"What color is the {thing}?"},
            {"role": "assistant", "content": f"The {thing} is {color}."},
        ]
        if n % 3 == 0:
            system = {"role": "system", "content": "Answer in one sentence."}
            messages = [system, *messages]
        if n % 2:
            messages += [
                {"role": "user", "content": f"Is it {color} all over (case {n})?"},
                {"role": "assistant", "content": f"Yes, all of the {thing}."},
            ]
        else:
            messages[-2] = {
                "role": "user",
                "content": f"Case {n}: what color is the {thing}?",
            }
        rows.append({"messages": messages})
    return jsonl(rows)


def row_of(slug):
    row = TINY["models"][slug]
    row = TINY["models"][row["like"]] if "like" in row else row
    return {
        **row,
        "base": TINY["base"],
        "tokenizer": TINY["tokenizers"][row["tokenizer"]],
        "template_text": TINY["templates"].get(row["template"]),
    }


def python_of(backend):
    folder = Path(os.environ.get("SLMGEN_NOTEBOOK_VENVS", REPO))
    python = folder / f".venv-{backend}" / "bin" / "python"
    assert python.exists(), f"{python} is missing; run make test-notebooks."
    return str(python)


def call(python, script, *arguments):
    """Runs a script away from this repository: its `datasets` must not be found."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": os.environ.get("HOME", "/tmp"),
        "HF_HUB_OFFLINE": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "OMP_NUM_THREADS": "1",
        "CUDA_VISIBLE_DEVICES": "",
        "UNSLOTH_FORCE_CPU": "1",
    }
    done = subprocess.run(
        [python, str(HERE / script), *map(str, arguments)], env=environment,
        capture_output=True, text=True, timeout=SECONDS,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.fixture(scope="session")
def tiny_models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tiny")
    rows, examples = folder / "rows.json", folder / "examples.jsonl"
    rows.write_text(json.dumps({slug: row_of(slug) for slug in chosen()}))
    examples.write_bytes(toy_examples())
    call(python_of("trl"), "tiny_model.py", rows, examples, folder)
    return folder


def make_task(folder, slug, backend, model_path):
    data = toy_examples()
    settings = {**SETTINGS, "backend": backend}
    profile = make_profile(total_examples=72, tokens_p99=60)
    content = build(
        cells(),
        plan(catalog().get(slug), profile, settings),
        Facts("toy.jsonl", 72, 2000),
        embed(data, max_bytes=10**6),
    )
    own = folder / f"{backend}-{slug}"
    own.mkdir()
    notebook = own / "notebook.ipynb"
    notebook.write_bytes(content)
    parameters = {
        "MODEL_ID": str(model_path),
        "MAX_NEW_TOKENS": 16,
        "SAVE_MERGED": True,
    }
    return {"notebook": str(notebook), "folder": str(own), "parameters": parameters}


@pytest.fixture(scope="session")
def results(tiny_models, tmp_path_factory):
    """What came of every chosen model with every backend."""
    found = {}
    for backend in BACKENDS:
        folder = tmp_path_factory.mktemp(backend)
        tasks = [
            make_task(folder, slug, backend, tiny_models / slug) for slug in chosen()
        ]
        file = folder / "tasks.json"
        file.write_text(json.dumps(tasks))
        call(python_of(backend), "run_notebooks.py", backend, file)
        for slug, task in zip(chosen(), tasks, strict=True):
            result = Path(task["folder"]) / "result.json"
            found[backend, slug] = json.loads(result.read_text(encoding="utf-8"))
    if path := os.environ.get("SLMGEN_MATRIX"):
        Path(path).write_text(matrix_of(found), encoding="utf-8")
    return found


def matrix_of(found) -> str:
    """The results as a document."""
    versions = "\n".join(
        f"- {backend}: {', '.join((*pins(backend).packages[:5], *pins(backend).plain))}"
        for backend in BACKENDS
    )
    lines = [
        f"| {slug} | {row_of(slug)['type']} | {template_of(slug)} | "
        + " | ".join(cell_of(found[backend, slug]) for backend in BACKENDS)
        + " |"
        for slug in chosen()
    ]
    return (
        "# Notebooks executed\n\n"
        "Each notebook, as it is generated, end to end on a CPU with a tiny "
        "random-weight model of the\narchitecture: validation loss before → after 60 "
        "steps, seconds. Written by `make notebook-matrix`\n"
        f"on {datetime.now(UTC):%Y-%m-%d}, Python {sys.version.split()[0]}, "
        "torch 2.13.0.\n\n"
        f"{versions}\n\n"
        "| model | architecture | chat template | trl | unsloth |\n"
        "|---|---|---|---|---|\n" + "\n".join(lines) + "\n"
    )


def template_of(slug):
    row = row_of(slug)
    return "ours" if row["template_text"] else f"real ({row['template']})"


def cell_of(result):
    if not result["ok"]:
        return "failed"
    losses = f"{result['before']:.2f} → {result['after']:.2f}"
    return f"{losses}, {result['seconds']} s"


def test_every_model_of_the_catalogue_has_a_row():
    assert set(SLUGS) == {model.slug for model in catalog().models}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("slug", chosen())
def test_the_notebook_runs_and_the_model_learns(results, slug, backend):
    result = results[backend, slug]

    assert result["ok"], result["error"]
    assert result["after"] < 0.6 * result["before"]
    assert result["steps"] == SETTINGS["max_steps"]
    assert result["rows"]["dropped"] == 0
    trained = result["rows"]["trained"] + result["rows"]["validation"]
    assert trained == result["examples"] == 72
    assert result["masks"] == {"rows": 72, "missing": 0, "strangers": 0}
    assert result["same_after_reload"] == result["prompts"] == 3
    # Unsloth merges to 16 bit: what a tiny model is unsure about may be rounded over.
    assert result["same_after_merge"] >= (3 if backend == "trl" else 2)
