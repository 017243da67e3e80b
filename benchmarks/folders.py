"""Where the small datasets are that a measurement begins with."""

import atexit
import os
import tempfile
from pathlib import Path

from tests.corpus import files


def small_datasets(named: Path | None) -> Path:
    """The folder that is named, else that of SLMGEN_REAL_DATA, else a new one with the
    datasets that the tests make."""
    if folder := named or os.environ.get("SLMGEN_REAL_DATA"):
        return Path(folder)
    made = tempfile.TemporaryDirectory(prefix="slmgen-corpus-")
    atexit.register(made.cleanup)
    files.write_all(Path(made.name))
    return Path(made.name)
