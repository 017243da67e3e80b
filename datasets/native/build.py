"""Compiles `scan.rs` and its modules, if there is a Rust compiler.

    python datasets/native/build.py

Nothing depends on it but speed: what it decides is decided in Python where it is
missing.
"""

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

SOURCE = Path(__file__).with_name("scan.rs")


def built() -> Path:
    """Where the code is once it was compiled: the name tells of which source."""
    sources = sorted(SOURCE.parent.glob("*.rs"))
    texts = b"".join([path.read_bytes() for path in sources])
    digest = hashlib.sha256(texts).hexdigest()[:16]
    return SOURCE.with_name(f"scan-{digest}.so")


def main() -> None:
    path = built()
    if path.exists():
        return
    compiler = shutil.which("rustc")
    if compiler is None:
        print("No Rust compiler (rustc): large files will take longer, that is all.")
        return
    fresh = path.with_suffix(f".{os.getpid()}")  # another may compile at this moment
    done = subprocess.run(
        [compiler, "-O", "--edition", "2021", "-C", "strip=symbols",
         "--crate-type", "cdylib", SOURCE, "-o", fresh],
        check=False,
    )  # fmt: skip
    if done.returncode:
        print("rustc failed, see above: large files will take longer, that is all.")
        return
    for old in SOURCE.parent.glob("scan-*.so"):
        old.unlink()
    fresh.rename(path)


if __name__ == "__main__":
    main()
