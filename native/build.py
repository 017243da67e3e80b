"""Builds the native code, if there is a Rust compiler.

    python native/build.py

Nothing depends on it but speed: what it decides is decided in Python where it is
missing.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from datasets.core.validation.native_library import (
    CRATE,
    NAME,
    changed_at,
    path_for_sources,
)

ALL_THE_SAME = "large files will take longer, that is all."


def main() -> None:
    path = path_for_sources()
    if not path.exists():
        cargo = shutil.which("cargo")
        if cargo is None:
            print(f"No Rust compiler (cargo): {ALL_THE_SAME}")
            return
        # A folder of its own: another may build at this moment, and cargo would tell
        # by the clock, not by content, what is to be built.
        with tempfile.TemporaryDirectory(prefix="target-", dir=CRATE) as target:
            if not build(cargo, target, path):
                print(f"cargo failed, see above: {ALL_THE_SAME}")
                return
    os.utime(path, (changed_at(), changed_at()))
    for other in set(CRATE.glob(NAME.format("*"))) - {path}:
        other.unlink()


def build(cargo: str, target: str, path: Path) -> bool:
    done = subprocess.run(
        [cargo, "build", "--quiet", "--release", "--offline", "--locked",
         "--manifest-path", CRATE / "Cargo.toml", "--target-dir", target],
        check=False,
    )  # fmt: skip
    if done.returncode:
        return False
    (library,) = [  # its name depends on the system
        found
        for found in Path(target, "release").glob("*slmgen_native.*")
        if found.suffix in {".so", ".dylib", ".dll"}
    ]
    library.rename(path)
    return True


if __name__ == "__main__":
    main()
