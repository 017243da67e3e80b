"""Prints the code of a notebook's cells for a shell: python cells.py BACKEND TAG."""

import sys
from pathlib import Path

REPO = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(REPO))

from notebooks.core.building.percent import read_cells  # noqa: E402  # the path comes first
from notebooks.core.building.pins import pins  # noqa: E402

backend, tag = sys.argv[1:]
source = (REPO / "notebooks/source/finetune.py").read_text(encoding="utf-8")
for cell in read_cells(source):
    if cell.kind == "code" and tag in cell.tags:
        sys.stdout.write(pins(backend).filled(cell.source) + "\n")
