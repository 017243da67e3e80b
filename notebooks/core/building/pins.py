"""The pinned versions of each backend, for notebooks, tests and documents."""

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

PINS_PATH = Path(__file__).parents[2] / "pins.toml"


@dataclass(frozen=True)
class Pins:
    packages: tuple[str, ...]
    plain: tuple[str, ...]  # to be installed without dependencies
    left_out: tuple[str, ...]  # dependencies of those that are not needed
    converter: str
    tested_on: str

    @property
    def exact(self) -> list[str]:
        return [text for text in (*self.packages, *self.plain) if "==" in text]

    def filled(self, source: str) -> str:
        """A cell's code with the versions filled in."""
        places = {
            "PACKAGES = []": f"PACKAGES = {list(self.packages)!a}",
            "PLAIN = []": f"PLAIN = {list(self.plain)!a}",
            'CONVERTER = ""': f"CONVERTER = {self.converter!a}",
        }
        for place, value in places.items():
            source = source.replace(place, value)
        return source


@cache
def pins(backend: str) -> Pins:
    table = tomllib.loads(PINS_PATH.read_text(encoding="utf-8"))
    lists = {name: tuple(values) for name, values in table[backend].items()}
    converter = table["gguf"]["converter"]
    return Pins(**lists, converter=converter, tested_on=table["tested_on"])
