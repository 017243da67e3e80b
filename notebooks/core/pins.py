"""The pinned versions of each backend, for the notebook, the tests and the documents.

`python -m notebooks.core.pins BACKEND packages|plain` prints them for a shell.
"""

import sys
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

PINS_PATH = Path(__file__).parent.parent / "pins.toml"


@dataclass(frozen=True)
class Pins:
    packages: tuple[str, ...]
    plain: tuple[str, ...]  # to be installed without dependencies
    tested_on: str


@cache
def pins(backend: str) -> Pins:
    table = tomllib.loads(PINS_PATH.read_text(encoding="utf-8"))
    own = table[backend]
    return Pins(tuple(own["packages"]), tuple(own["plain"]), table["tested_on"])


if __name__ == "__main__":
    sys.stdout.write(" ".join(getattr(pins(sys.argv[1]), sys.argv[2])) + "\n")
