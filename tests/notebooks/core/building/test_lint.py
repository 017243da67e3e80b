import json

import nbformat
import pytest
from IPython.core.inputtransformer2 import TransformerManager

from notebooks.core.building.lint import lint
from tests.notebooks.made import code_of, make_notebook

LINTED = {
    "no plain Python": "x = (",
    "no plain Python: invalid syntax": "# comment\n%%capture\n!pip install x",
    "y is used and never bound": "print(y)",
    "later is used and never bound": "print(later)\n",
    "input() stops": "input()",
    "pandas is imported and not installed before": "import pandas",
    "SFTConfig takes no max_seq_length": "import trl as SFTConfig\n"
                                         "SFTConfig(max_seq_length=1)",
}  # fmt: skip


@pytest.mark.parametrize("fault", LINTED)
def test_the_linter_finds(fault):
    sources = [LINTED[fault], "later = 1"]
    notebook = nbformat.v4.new_notebook(
        cells=[
            nbformat.v4.new_code_cell(source, id=f"c{n}")
            for n, source in enumerate(sources)
        ]
    )

    faults = lint(nbformat.writes(notebook).encode(), "trl")

    assert any(f"cell 0: {fault}" in found for found in faults)


@pytest.mark.parametrize("backend", ["trl", "unsloth"])
def test_what_the_install_cell_brings_may_be_imported_after_it(backend):
    install = nbformat.v4.new_code_cell("1", id="a", metadata={"tags": ["install"]})
    cell = nbformat.v4.new_code_cell("import pandas, peft.tuners", id="b")
    notebook = nbformat.v4.new_notebook(cells=[install, cell])

    assert lint(nbformat.writes(notebook).encode(), backend) == []


@pytest.mark.parametrize("backend", ["trl", "unsloth"])
def test_ipython_takes_every_cell_as_it_is(backend):
    transform = TransformerManager().transform_cell

    for source in code_of(make_notebook(config={"backend": backend})):
        assert transform(source) == source + "\n"


@pytest.mark.parametrize("backend", ["trl", "unsloth"])
@pytest.mark.parametrize("gated", ["llama-3.2-1b", "qwen3-0.6b"])
def test_every_choice_of_cells_is_sound(backend, gated):
    for max_mb in (0, 5):
        content = make_notebook(gated, {"backend": backend}, max_mb=max_mb)

        assert lint(content, backend) == []


def test_the_linter_finds_output_widgets_and_equal_ids():
    cell = nbformat.v4.new_code_cell("1", id="a", execution_count=1)
    notebook = nbformat.v4.new_notebook(cells=[cell], metadata={"widgets": {}})

    faults = lint(nbformat.writes(notebook).encode(), "trl")

    assert faults == [
        "widgets metadata breaks the preview on GitHub",
        "cell 0: has output",
    ]


def test_a_broken_file_is_a_fault_that_repeats_nothing_of_it():
    broken = {"nbformat": 4, "nbformat_minor": 5, "metadata": {},
              "cells": [{"cell_type": "secret words", "metadata": {}, "source": "",
                         "id": "a"}]}  # fmt: skip

    (fault,) = lint(json.dumps(broken).encode(), "trl")

    assert fault.startswith("not a valid notebook: cells.0")
    assert "secret" not in fault
    assert lint(b"{", "trl") == ["not a valid notebook: no JSON"]
