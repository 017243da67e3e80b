"""Checks every generated notebook; a fault found here is a bug of ours."""

import ast
import builtins
import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import nbformat

KNOWN_PATH = Path(__file__).parents[2] / "known.json"
BUILTINS = frozenset(dir(builtins)) | {"__file__", "__name__"}
# Some platforms have these modules; the notebook tests for them before it uses them.
PLATFORMS = frozenset({"google", "kaggle_secrets"})
# What an empty list of faults means, for the person who gets the notebook.
CHECKS = (
    "It is a valid notebook file, and every code cell is valid Python.",
    "No cell uses a name before an earlier cell has set it.",
    "Every import and every argument exists in the pinned versions of its libraries.",
    "Its template was executed on a tiny model of the same architecture.",
    "It compares the data with their SHA-256 before it trains.",
)


@dataclass(frozen=True)
class Known:
    """The modules and signatures of an environment with a backend's pinned versions."""

    modules: frozenset[str]
    # Keyword arguments of callables, by dotted name
    signatures: dict[str, frozenset[str]]


@cache
def known(backend: str) -> Known:
    """As recorded in the environments in which the tests execute notebooks."""
    table = json.loads(KNOWN_PATH.read_text(encoding="utf-8"))[backend]
    return Known(
        frozenset(table["modules"]),
        {name: frozenset(words) for name, words in table["signatures"].items()},
    )


def lint(content: bytes, backend: str) -> list[str]:
    """All faults of a notebook, each with its cell; empty when it is correct."""
    try:
        notebook = nbformat.reads(content.decode(), as_version=4)
        nbformat.validate(notebook)
    except nbformat.ValidationError as error:
        # The exception's message would quote the code, which may hold a user's text.
        found = getattr(error, "original", error)
        place = ".".join(map(str, found.absolute_path)) or "the file"
        return [f"not a valid notebook: {place}"]
    except ValueError:
        return ["not a valid notebook: no JSON"]
    faults = [*_file_faults(notebook)]
    bound: set[str] = set()
    modules: frozenset[str] = frozenset()
    for number, cell in enumerate(notebook.cells):
        if cell.cell_type != "code":
            continue
        try:
            tree = ast.parse(cell.source)
        except (SyntaxError, ValueError) as error:
            faults.append(f"cell {number}: no plain Python: {error}")
            continue
        bound |= {name for node in ast.walk(tree) for name in _bound_by(node)}
        found = [
            *_unbound(tree, bound),
            *_imports(tree, modules),
            *_calls(tree, known(backend).signatures),
        ]
        faults += [f"cell {number}: {fault}" for fault in found]
        if "install" in cell.metadata.get("tags", []):
            modules = known(backend).modules
    return faults


def _file_faults(notebook: Any) -> Iterator[str]:
    ids = [cell.get("id") for cell in notebook.cells]
    if len(set(ids)) != len(ids):
        yield "cell ids are not unique"
    if "widgets" in notebook.metadata:
        yield "widgets metadata breaks the preview on GitHub"
    for number, cell in enumerate(notebook.cells):
        if cell.get("outputs") or cell.get("execution_count"):
            yield f"cell {number}: has output"


def _unbound(tree: ast.AST, bound: set[str]) -> Iterator[str]:
    used = {
        node.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
    }
    for name in sorted(used - bound - BUILTINS):
        yield f"{name} is used and never bound"


def _imports(tree: ast.AST, modules: Iterable[str]) -> Iterator[str]:
    there = {*modules, *sys.stdlib_module_names, *PLATFORMS}
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=aliases):
                names = [alias.name for alias in aliases]
            case ast.ImportFrom(module=module):
                names = [module or ""]
            case _:
                continue
        for name in names:
            if name.partition(".")[0] not in there:
                yield f"{name} is imported and not installed before"


def _calls(tree: ast.AST, signatures: dict[str, frozenset[str]]) -> Iterator[str]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = ast.unparse(node.func)
        if name == "input":
            yield "input() stops a notebook that runs by itself"
        for keyword in node.keywords if name in signatures else ():
            if keyword.arg and keyword.arg not in signatures[name]:
                yield f"{name} takes no {keyword.arg} in the pinned versions"


def _bound_by(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Name(id=name, ctx=ast.Store()):
            yield name
        case ast.Import(names=names) | ast.ImportFrom(names=names):
            for alias in names:
                yield alias.asname or alias.name.partition(".")[0]
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
            yield name
        case ast.arg(arg=name):
            yield name
        case ast.ExceptHandler(name=str(name)):
            yield name
