"""What must hold for every notebook we hand out; a failure is our own fault."""

import ast
import builtins
from collections.abc import Iterator
from typing import Any

import nbformat

BUILTINS = frozenset(dir(builtins)) | {"__file__", "__name__"}


def lint(content: bytes) -> list[str]:
    """Every fault of the notebook, each with its cell; empty when there is none."""
    notebook = nbformat.reads(content.decode(), as_version=4)
    try:
        nbformat.validate(notebook)
    except nbformat.ValidationError as error:
        return [f"not a valid notebook: {error.message}"]
    faults = [*_file_faults(notebook)]
    bound: set[str] = set()
    for number, cell in enumerate(notebook.cells):
        if cell.cell_type == "code":
            found, names = _code_faults(cell.source, bound)
            faults += [f"cell {number}: {fault}" for fault in found]
            bound |= names
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


def _code_faults(source: str, bound: set[str]) -> tuple[list[str], set[str]]:
    """Faults of one code cell, and the names it binds."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError) as error:
        return [f"does not parse: {error}"], set()
    names = {name for node in ast.walk(tree) for name in _bound_by(node)}
    faults = [
        f"{name} is used and never bound"
        for name in sorted(_used(tree) - names - bound - BUILTINS)
    ]
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call))
    if any(
        isinstance(call.func, ast.Name) and call.func.id == "input" for call in calls
    ):
        faults.append("input() stops a notebook that runs by itself")
    return faults, names


def _used(tree: ast.AST) -> set[str]:
    return {
        node.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
    }


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
