"""Where native code is once it was built (`native/build.py`).

The name of the file holds the hash of its sources: code of another version is not
loaded. Only the standard library is used here, because a build has nothing else.
"""

import hashlib
from pathlib import Path

CRATE = Path(__file__).resolve().parents[3] / "native"
NAME = "slmgen_native-{}.so"


def sources() -> list[Path]:
    return [CRATE / "Cargo.toml", *sorted(CRATE.glob("src/*.rs"))]


def path_for_sources() -> Path:
    """Where the library of these sources is, or is to be."""
    texts = b"".join([path.read_bytes() for path in sources()])
    digest = hashlib.sha256(texts).hexdigest()[:16]
    return CRATE / NAME.format(digest)


def built_library() -> Path | None:
    if not CRATE.exists():
        return None
    # A build leaves its library as old as the newest source: then nothing is hashed.
    newest = changed_at()
    for path in CRATE.glob(NAME.format("*")):
        if int(path.stat().st_mtime) == newest:
            return path
    path = path_for_sources()
    return path if path.exists() else None


def changed_at() -> int:
    """When a source was changed last; whole seconds, as archives keep them."""
    return int(max(path.stat().st_mtime for path in sources()))
