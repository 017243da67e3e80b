"""Builders of notebooks, and looks into them."""

import ast
import subprocess
import sys

import nbformat

from notebooks.core.building.build import Facts, build
from notebooks.core.building.embed import embed
from notebooks.core.planning.plan import plan
from notebooks.generation import cells
from recommender.services import catalog
from tests.factories import make_lines
from tests.recommender.test_recommender import make_data

DATA = make_lines(60)
FACTS = Facts("chat.jsonl", 60, 1234)


def make_notebook(slug="qwen3-0.6b", config=None, data=DATA, facts=FACTS, max_mb=5):
    training = plan(catalog().get(slug), make_data(total_examples=60), config or {})
    embedded = embed(data, max_bytes=max_mb * 10**6)
    return build(cells(), [training], facts, embedded)


def code_of(content, tag=None):
    notebook = nbformat.reads(content.decode(), 4)
    return [
        cell.source
        for cell in notebook.cells
        if cell.cell_type == "code"
        and (tag is None or tag in cell.metadata.get("tags", []))
    ]


def run(*sources, cwd=None):
    script = "import hashlib, json, importlib.util, urllib.request\n" + "\n".join(
        sources
    )
    return subprocess.run(
        [sys.executable, "-I", "-"],
        input=script, capture_output=True, text=True, timeout=60, cwd=cwd,
    )  # fmt: skip


def data_cells(content):
    return code_of(content, "parameters") + code_of(content, "data")


def values_of(parameters):
    return {
        node.targets[0].id: ast.literal_eval(node.value)
        for node in ast.parse(parameters).body
    }
