"""Tiny models, and notebooks executed on them in the environment of their backend.

Nothing runs in this process: our app and Hugging Face's library are both `datasets`.
"""

import hashlib
import json
import os
import shutil
import subprocess
import threading
import tomllib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from notebooks.core.building.build import Facts, build
from notebooks.core.building.embed import embed
from notebooks.core.planning.plan import bake_off, plan
from notebooks.generation import cells
from recommender.services import catalog
from tests.conftest import REPO
from tests.factories import jsonl
from tests.recommender.test_recommender import make_data

HERE = Path(__file__).parent
TINY = tomllib.loads((HERE / "tiny.toml").read_text(encoding="utf-8"))
SLUGS = list(TINY["models"])
BACKENDS = ("trl", "unsloth")
SETTINGS = {
    "max_steps": 60, "batch_size": 8, "gradient_accumulation_steps": 1,
    "learning_rate": 0.01, "max_seq_length": 640, "quantization": "16bit",
}  # fmt: skip
NEW_TOKENS = 16
SECONDS = 2400


def chosen_slugs() -> list[str]:
    """SLMGEN_TEST_MODELS: slugs, or `five` for another five each day; default all."""
    names = os.environ.get("SLMGEN_TEST_MODELS", "").split()
    if names == ["five"]:
        first = 5 * datetime.now(UTC).toordinal()
        return [SLUGS[(first + n) % len(SLUGS)] for n in range(5)]
    return names or SLUGS


def python_of(backend: str) -> str:
    python = REPO / f".venv-{backend}" / "bin" / "python"
    assert python.exists(), f"{python} is missing; run make test-notebooks."
    return str(python)


def call(backend: str, script: str, *arguments, **environment) -> str:
    """Runs a script away from this repository: its `datasets` must not be found."""
    environment = {
        **{k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "HF_"))},
        "HF_HUB_OFFLINE": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "OMP_NUM_THREADS": "1",
        "CUDA_VISIBLE_DEVICES": "",
        "UNSLOTH_FORCE_CPU": "1",
        **environment,
    }
    done = subprocess.run(
        [python_of(backend), str(HERE / script), *map(str, arguments)],
        env=environment, capture_output=True, text=True, timeout=SECONDS,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def row_of(slug: str) -> dict:
    row = TINY["models"][slug]
    row = TINY["models"][row["like"]] if "like" in row else row
    return {
        **row,
        "class": catalog().get(slug).architecture.split()[0],
        "base": TINY["base"],
        "tokenizer": TINY["tokenizers"][row["tokenizer"]],
        "template_text": TINY["templates"].get(row["template"]),
    }


def toy_examples() -> bytes:
    """72 conversations that a tiny model can learn.

    A third have a system prompt, a half two turns, of which one is not to be learned.
    """
    things = ["lamp", "boat", "coat", "drum", "fork", "gate", "harp", "kite"]
    colors = ["red", "blue", "green"]
    rows = []
    for n, thing in enumerate(things * 9):
        color = colors[things.index(thing) % 3]
        system = {"role": "system", "content": "Answer in one sentence."}
        messages = [
            {"role": "user", "content": f"Case {n}: what color is the {thing}?"},
            {"role": "assistant", "content": f"The {thing} is {color}."},
        ]
        if n % 2:
            messages[1]["weight"] = int(n % 4 == 1)
            messages += [
                {"role": "user", "content": f"Is it {color} all over?"},
                {"role": "assistant", "content": f"Yes, all of the {thing}."},
            ]
        rows.append({"messages": messages if n % 3 else [system, *messages]})
    return jsonl(rows)


TOY = toy_examples()


@dataclass(frozen=True)
class Tiny:
    """A tiny model: of which model's kind, for which backend, whose words it has."""

    slug: str
    backend: str = "trl"
    data: bytes = TOY
    vocabulary: int = 700

    def row(self) -> dict:
        row = row_of(self.slug)
        if self.backend in row.get("text_only_in", ()):
            row = {**row, "class": row["text_class"]}
            del row["vision"]
        return {**row, "vocabulary": self.vocabulary}

    def name(self) -> str:
        words = hashlib.sha256(self.data).hexdigest()[:8]
        return f"{self.slug}-{self.row()['class']}-{self.vocabulary}-{words}"


class Models:
    """The folder of tiny models; makes those that are asked for and not there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lock = threading.Lock()

    def paths(self, wanted: list[Tiny]) -> list[Path]:
        paths = [self.folder / tiny.name() for tiny in wanted]
        with self.lock:
            missing = {
                path.name: {**tiny.row(), "texts": self.text_file(tiny.data)}
                for path, tiny in zip(paths, wanted, strict=True)
                if not path.exists()
            }
            if missing:
                rows = self.folder / "rows.json"
                rows.write_text(json.dumps(missing))
                templates = REPO / ".venv-trl/llama.cpp/models/templates"
                call("trl", "tiny_model.py", rows, templates, self.folder)
        return paths

    def text_file(self, data: bytes) -> str:
        path = self.folder / f"{hashlib.sha256(data).hexdigest()}.jsonl"
        path.write_bytes(data)
        return str(path)


@pytest.fixture(scope="session")
def models(tmp_path_factory) -> Models:
    return Models(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def llama_cpp(tmp_path_factory) -> Path:
    """llama.cpp's converter, which takes the tiny models' own vocabularies too."""
    source = REPO / ".venv-trl/llama.cpp"
    folder = tmp_path_factory.mktemp("converter") / "llama.cpp"
    for part in ("conversion", "gguf-py"):
        shutil.copytree(source / part, folder / part)
    shutil.copy(source / "convert_hf_to_gguf.py", folder)
    with (folder / "conversion/base.py").open("a", encoding="utf-8") as file:
        file.write(
            "\n\n_known = TextModel.get_vocab_base_pre\n\n\n"
            "def _known_or_gpt_2(self, tokenizer):\n"
            "    try:\n        return _known(self, tokenizer)\n"
            "    except NotImplementedError:\n        return 'gpt-2'\n\n\n"
            "TextModel.get_vocab_base_pre = _known_or_gpt_2\n"
        )
    return folder


def make_notebook(slug, backend, data=TOY, settings=None, **facts) -> bytes:
    rows = data.count(b"\n")
    known = make_data(total_examples=rows, tokens_p99=60)
    training = plan(
        catalog().get(slug),
        known,
        {**SETTINGS, "backend": backend, **(settings or {})},
    )
    max_bytes = 0 if facts else 10**7
    return build(
        cells(), [training], Facts("toy.jsonl", rows, 2000, **facts),
        embed(data, max_bytes=max_bytes),
    )  # fmt: skip


def make_bake_off(candidates: dict[str, str], backend: str) -> bytes:
    """A notebook that compares models; each has code to run after its parameters."""
    known = make_data(total_examples=72, tokens_p99=60)
    models = [catalog().get(slug) for slug in candidates]
    plans = bake_off(models, known, {**SETTINGS, "backend": backend})
    content = build(
        cells(), plans, Facts("toy.jsonl", 72, 2000), embed(TOY, max_bytes=10**7)
    )
    notebook = json.loads(content)
    own = [c for c in notebook["cells"] if "candidate" in c["metadata"].get("tags", ())]
    for cell, code in zip(own, candidates.values(), strict=True):
        cell["source"] = ["".join(cell["source"]), "\n", code]
    return json.dumps(notebook).encode()


def make_task(folder, notebook: bytes, model: Path, parameters="", **after) -> dict:
    """A task for run_notebooks.py; `after` is code to run after the cells of a tag."""
    folder.mkdir(exist_ok=True)
    path = folder / "notebook.ipynb"
    path.write_bytes(notebook)
    own = f"MODEL_ID = {str(model)!r}\nMAX_NEW_TOKENS = {NEW_TOKENS}\n"
    after["parameters"] = own + parameters
    return {"notebook": str(path), "folder": str(folder), "after": after}


def run_tasks(backend: str, tasks: dict, folder: Path) -> dict:
    """The result of each task and its folder; no more of one that was killed."""
    file = folder / "tasks.json"
    named = [{"name": name, **task} for name, task in tasks.items()]
    file.write_text(json.dumps(named))
    call(backend, "run_notebooks.py", backend, file)
    found = {}
    for name, task in tasks.items():
        result = Path(task["folder"]) / f"{name}.json"
        found[name] = json.loads(result.read_text()) if result.exists() else {}
        found[name]["folder"] = Path(task["folder"])
        found[name]["log"] = Path(task["folder"]) / f"{name}.log"
    return found


def on_both(function) -> dict:
    """function(backend) for both, one on each core."""
    with ThreadPoolExecutor(len(BACKENDS)) as pool:
        return dict(zip(BACKENDS, pool.map(function, BACKENDS), strict=True))


def losses(result):
    return [e["eval_loss"] for e in result["RUN"]["history"] if "eval_loss" in e]
