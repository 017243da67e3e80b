"""The contracts of pyproject.toml hold modules that nobody has thought of yet."""

import shutil
import subprocess
import sys
import tomllib

import pytest

from tests.conftest import GUARD_SECONDS, REPO

LINTER = tomllib.loads((REPO / "pyproject.toml").read_text())["tool"]["importlinter"]
ROOMS = [
    room
    for contract in LINTER["contracts"]
    for room in contract.get("containers", ())
    if contract.get("exhaustive")
]


def lint(folder):
    program = (
        "from importlinter.cli import lint_imports_command; lint_imports_command()"
    )
    return subprocess.run(
        [sys.executable, "-c", program, "--no-cache"], cwd=folder,
        capture_output=True, text=True, timeout=GUARD_SECONDS,
    )  # fmt: skip


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """The house without anything but its modules."""
    folder = tmp_path_factory.mktemp("house")
    shutil.copy(REPO / "pyproject.toml", folder)
    for app in LINTER["root_packages"]:
        for file in (REPO / app).rglob("*.py"):
            target = folder / file.relative_to(REPO)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, target)
    return folder


def test_a_module_in_no_layer_fails_the_contract_of_its_room(tree):
    new = [f"{room}.unplaced" for room in ROOMS]
    files = [tree.joinpath(*name.split(".")).with_suffix(".py") for name in new]
    for file in files:
        file.touch()

    refused = lint(tree)
    for file in files:
        file.unlink()
    passed = lint(tree)

    assert len(ROOMS) >= 8
    assert refused.returncode == 1
    assert [name for name in new if f"- {name}\n" not in refused.stdout] == []
    assert passed.returncode == 0, passed.stdout


def test_an_import_that_climbs_fails(tree):
    file = tree / "datasets" / "core" / "conversation.py"
    kept = file.read_text()
    file.write_text(f"{kept}\nimport datasets.services\n")

    refused = lint(tree)
    file.write_text(kept)

    assert refused.returncode == 1
    assert "datasets.core.conversation -> datasets.services" in refused.stdout
