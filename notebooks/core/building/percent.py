"""Reads a script in percent format (`# %%`), as Jupytext and VS Code write it."""

import ast
import re
from dataclasses import dataclass

HEADER = re.compile(
    r"^# %%(?P<markdown> \[markdown\])?(?: tags=(?P<tags>\[[^\]]*\]))?$"
)


@dataclass(frozen=True)
class Cell:
    kind: str  # "code" or "markdown"
    tags: frozenset[str]
    source: str


class PercentError(Exception):
    """The script is not in percent format; names the line."""


def read_cells(text: str) -> tuple[Cell, ...]:
    cells: list[Cell] = []
    header: tuple[str, frozenset[str]] | None = None
    body: list[str] = []
    for number, line in enumerate([*text.splitlines(), "# %%"], 1):
        if not line.startswith("# %%"):
            body.append(line)
            continue
        if header is not None:
            cells.append(_cell(*header, body))
        elif any(map(str.strip, body)):
            raise PercentError(f"line {number}: text stands before the first cell")
        header, body = _header(line, number), []
    return tuple(cells)


def _header(line: str, number: int) -> tuple[str, frozenset[str]]:
    match = HEADER.match(line)
    if match is None:
        raise PercentError(f"line {number}: {line!r} is no cell header")
    tags = ast.literal_eval(match["tags"] or "[]")
    return ("markdown" if match["markdown"] else "code"), frozenset(tags)


def _cell(kind: str, tags: frozenset[str], lines: list[str]) -> Cell:
    if kind == "markdown":
        lines = [line.removeprefix("#").removeprefix(" ") for line in lines]
    return Cell(kind, tags, "\n".join(lines).strip("\n"))
