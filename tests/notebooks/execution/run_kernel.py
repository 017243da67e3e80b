"""Executes a notebook in a real Jupyter kernel: run_kernel.py NOTEBOOK PARAMETERS.

Every cell runs, the install cell too. The executed notebook is written beside it.
"""

import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

path, parameters = Path(sys.argv[1]), sys.argv[2]
notebook = nbformat.read(path, as_version=4)
(cell,) = (c for c in notebook.cells if "parameters" in c.metadata.get("tags", []))
cell.source += "\n" + parameters
client = NotebookClient(
    notebook, timeout=600, resources={"metadata": {"path": str(path.parent)}}
)
client.execute()
nbformat.write(notebook, path.with_suffix(".out.ipynb"))
