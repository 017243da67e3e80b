"""The pins fit each other, and the linter knows what the pinned versions are."""

import json
import os
import re

import pytest

from notebooks.core.building.lint import KNOWN_PATH
from notebooks.core.building.pins import pins
from tests.notebooks.execution.conftest import BACKENDS, call

pytestmark = pytest.mark.execution


def facts_of(backend):
    versions = [*pins(backend).packages, *pins(backend).plain]
    names = [re.split("[=<>]", version)[0] for version in versions]
    return json.loads(
        call(backend, "facts_of_venv.py", backend, *names).splitlines()[-1]
    )


@pytest.fixture(scope="module")
def facts():
    """What the environments know; `make known` writes it down for the linter."""
    found = {backend: facts_of(backend) for backend in BACKENDS}
    if os.environ.get("SLMGEN_WRITE_KNOWN"):
        known = {
            backend: {name: found[backend][name] for name in ("modules", "signatures")}
            for backend in BACKENDS
        }
        KNOWN_PATH.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")
    return found


@pytest.mark.parametrize("backend", BACKENDS)
def test_what_the_packages_ask_for_is_there(facts, backend):
    left_out = {f"{name} is missing" for name in pins(backend).left_out}

    assert set(facts[backend]["unmet"]) == left_out


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_linter_knows_the_pinned_versions(facts, backend):
    recorded = json.loads(KNOWN_PATH.read_text(encoding="utf-8"))[backend]

    assert recorded["signatures"] == facts[backend]["signatures"]
    # Packages without a pin come and go with what newer ones need.
    direct = {"torch", "transformers", "trl", "peft", "datasets", "matplotlib"}
    assert direct <= set(recorded["modules"]) & set(facts[backend]["modules"])
