"""No key of anybody lies in the repository: its files are read for the known shapes."""

import re
import subprocess

import pytest

from datasets.core.privacy.detection import SECRET_KINDS, findings
from slmgen.identity.api_tokens import _new
from tests.conftest import REPO

# They try what finds secrets, with made-up ones.
EXAMPLES = ("tests/", "benchmarks/")
OURS = re.compile(r"slm_pat_[0-9A-Za-z]{49}|slt_[\w-]{43}")
# Names and sums look like values that were assigned to a secret.
TOO_COMMON = {"assigned_secret"}


def secrets_in(text):
    shapes = SECRET_KINDS - TOO_COMMON
    return [one.masked for one in findings(text) if one.kind in shapes] + [
        found[0][:8] for found in OURS.finditer(text)
    ]


def tracked_files():
    names = subprocess.run(
        ["git", "ls-files", "-z"], cwd=REPO, capture_output=True, check=True, text=True
    ).stdout.split("\0")
    return [name for name in names if name and not name.startswith(EXAMPLES)]


def test_no_file_holds_a_secret():
    found = {
        name: secrets
        for name in tracked_files()
        if (REPO / name).is_file()
        if (
            secrets := secrets_in(
                (REPO / name).read_text(encoding="utf-8", errors="replace")
            )
        )
    }

    assert found == {}


def test_no_file_of_settings_or_state_is_kept():
    names = tracked_files()

    assert "slmgen/settings.py" in names
    assert [n for n in names if n.endswith((".env", ".sqlite3", "secret_key"))] == []


@pytest.mark.parametrize(
    "secret",
    [
        _new(), "slt_" + "a1-_" * 10 + "abc", "AKIA" + "ABCDEFGHIJKLMNOP",
        "-----BEGIN " + "PRIVATE KEY-----", "ghp_" + "a1B2" * 9,
    ],
    ids=lambda secret: secret[:8],
)  # fmt: skip
def test_what_is_looked_for_is_found(secret):
    assert secrets_in(f"value = {secret!r}") != []
