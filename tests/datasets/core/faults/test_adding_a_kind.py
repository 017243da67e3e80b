"""What CONTRIBUTING.md says of adding a fault kind, done in a copy of the code."""

import json
import os
import shutil
import subprocess
import sys
from types import SimpleNamespace

import pytest

from tests.conftest import REPO

ENTRY = """
SIGN_OFF = FaultKind(
    name="sign_off",
    title="Answers that end as a letter does",
    why="A chat is no letter.",
    expected="an answer without a greeting at its end",
    fix="remove the greeting",
    weight=0.25,
    examples=("It is blue. Yours faithfully, Anna",),
)

KINDS = {"""
RULE = """    Rule(
        kind=catalog.SIGN_OFF,
        pattern=re.compile(r"Yours (?:faithfully|sincerely)"),
        triggers=("Yours",),
        answers_only=True,
    ),
)

Sign = """
COPIED = ("benchmarks", "datasets", "docs", "tests")
LEFT_OUT = shutil.ignore_patterns("__pycache__", "images")
TESTS = (
    "datasets/core/faults",
    "datasets/core/validation/test_content.py",
    "datasets/core/validation/test_text_rules.py",
    "datasets/core/analysis/test_quality_score.py",
)
SHOW = """
import json
from tests.datasets.core.analysis.test_quality_score import CLEAN, judged
from tests.datasets.reading import problems_of
from tests.factories import jsonl, make_conversation
said = "Yours sincerely"
rows = [*CLEAN, make_conversation(said, "Blue."), make_conversation("q", said)]
profile = judged(rows)
print(json.dumps({
    "problems": problems_of(jsonl(rows)),
    "parts": [part["name"] for part in profile.quality_parts],
    "points": profile.quality_parts[0]["points"],
    "issues": profile.quality_issues,
}))
"""


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """The code with another kind of fault, and what does its work there."""
    root = tmp_path_factory.mktemp("copy")
    for path in REPO.iterdir():
        if path.name in COPIED:
            shutil.copytree(path, root / path.name, ignore=LEFT_OUT)
        elif not path.name.startswith("."):
            (root / path.name).symlink_to(path)
    add(root / "datasets/core/faults/catalog.py", before="\nKINDS = {", new=ENTRY)
    add(
        root / "datasets/core/validation/text_rules.py", before=")\n\nSign = ", new=RULE
    )

    def run(*arguments):
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=root, capture_output=True, text=True, check=False,
            env={**os.environ, "DJANGO_SETTINGS_MODULE": "slmgen.settings"},
        )  # fmt: skip

    assert run("-m", "datasets.core.faults.document").returncode == 0
    return SimpleNamespace(root=root, run=run)


def add(path, *, before, new):
    text = path.read_text(encoding="utf-8")
    assert text.count(before) == 1
    path.write_text(text.replace(before, new), encoding="utf-8")


def test_a_new_kind_is_found_and_costs_its_weight(copy):
    shown = copy.run("-c", "import django; django.setup()" + SHOW)

    assert shown.returncode == 0, shown.stderr
    found = json.loads(shown.stdout)
    assert found["problems"] == [{
        "line": 102, "kind": "sign_off", "message": 1, "field": "content",
        "found": "text with 'Yours sincerely'",
        "expected": "an answer without a greeting at its end",
        "fix": "remove the greeting", "left_out": False, "unit": "Line",
    }]  # fmt: skip
    assert found["parts"] == ["sign_off"]
    assert found["points"] == pytest.approx(0.25 / 102)
    assert found["issues"] == [
        "Answers that end as a letter does: 1 of 102 (1.0%), on line 102."
    ]


def test_a_new_kind_is_written_into_the_document(copy):
    text = (copy.root / "docs/faults.md").read_text(encoding="utf-8")

    head = "| `sign_off` | Answers that end as a letter does | 0.25 |"
    assert f"\n{head} A chat is no letter. | – |\n" in text
    assert "sign_off" not in (REPO / "docs/faults.md").read_text(encoding="utf-8")


def test_the_tests_of_faults_hold_a_new_kind_too(copy):
    done = copy.run(
        "-m", "pytest", "-v", "-p", "no:cacheprovider",
        "-k", "sign_off or every_kind or document",
        *(f"tests/{name}" for name in TESTS),
        "--ignore=tests/datasets/core/faults/test_adding_a_kind.py",
    )  # fmt: skip

    assert done.returncode == 0, done.stdout
    assert "test_a_planted_fault_is_named_on_its_lines_and_on_no_other[" in done.stdout
