"""What the security model promises is held by tests that exist."""

import ast
import re

from tests.conftest import REPO

TEXT = (REPO / "docs/security-model.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| (?P<promise>[A-Z].*) \| (?P<tests>`tests.*`) \|$", re.MULTILINE)


def names_in(path):
    tree = ast.parse((REPO / path).read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_every_promise_names_tests_that_exist():
    named = [re.findall(r"`(.*?)::(.*?)`", row["tests"]) for row in ROW.finditer(TEXT)]

    missing = [
        f"{path}::{name}"
        for tests in named
        for path, name in tests
        if name not in names_in(path)
    ]
    assert missing == []
    assert all(named)


def test_every_row_is_a_promise_with_its_test():
    rows = [
        line
        for line in TEXT.splitlines()
        if line.startswith("| ") and line != "| promise | held by |"
    ]

    assert len(rows) == len(ROW.findall(TEXT)) > 25
