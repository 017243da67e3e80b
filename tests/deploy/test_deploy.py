"""What is in deploy/ fits the product, and runs with no right it does not need."""

import re
import shutil
import subprocess

import pytest
import yaml

from slmgen.management.commands.up import Command, commands
from tests.conftest import REPO
from tests.slmgen.test_settings import variables_in_settings

DEPLOY = REPO / "deploy"
DOCKERFILE = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
KUBERNETES = list(
    yaml.safe_load_all((DEPLOY / "kubernetes/slmgen.yaml").read_text(encoding="utf-8"))
)
OURS = ["web", "work", "beat"]
NAME = re.compile(r"\b(?:SLMGEN_[A-Z0-9_]+|DATABASE_URL|REDIS_URL)\b")
# Of the files here, not of the product.
OF_DEPLOY = {
    "SLMGEN_DOMAIN", "SLMGEN_FILES_DOMAIN", "SLMGEN_BACKEND", "SLMGEN_BACKUP_DAYS",
    "SLMGEN_S3_",  # as in "the SLMGEN_S3_ variables"
}  # fmt: skip


@pytest.mark.parametrize(
    "path", sorted(p for p in DEPLOY.rglob("*") if p.is_file()), ids=lambda p: p.name
)
def test_every_variable_is_one_of_the_settings(path):
    named = set(NAME.findall(path.read_text(encoding="utf-8")))

    assert named <= variables_in_settings() | OF_DEPLOY


def test_what_compose_asks_for_stands_in_the_example():
    asked = set(re.findall(r"\$\{(\w+)", (DEPLOY / "compose.yaml").read_text()))
    example = (DEPLOY / "production.env.example").read_text().splitlines()

    assert asked == {line.partition("=")[0] for line in example if line[:1].isupper()}


def test_the_image_runs_without_rights_and_says_how_it_is():
    assert re.search(r"^USER 10001:10001$", DOCKERFILE, re.MULTILINE)
    assert "/health" in DOCKERFILE
    assert "--require-hashes" in DOCKERFILE
    assert "SLMGEN_VAR=/var/lib/slmgen" in DOCKERFILE


def test_the_image_has_all_that_the_product_is_made_of():
    copied = set(re.findall(r"^COPY (?!--from)(.*) \S+$", DOCKERFILE, re.MULTILINE))
    names = {name for line in copied for name in line.split()}
    sent = set(re.findall(r"^!(.*)$", (REPO / ".dockerignore").read_text(), re.M))

    assert all((REPO / name).exists() for name in names)
    assert names == sent
    packages = {path.parent.name for path in REPO.glob("*/__init__.py")}
    assert packages <= names


@pytest.mark.parametrize("name", OURS)
def test_our_containers_are_confined(name):
    service = COMPOSE["services"][name]

    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert "ports" not in service


def test_the_proxy_alone_has_ports_on_the_host():
    open_ = {name for name, one in COMPOSE["services"].items() if "ports" in one}

    assert open_ == {"proxy"}


def command_lines():
    for name in OURS:
        yield COMPOSE["services"][name]["command"]
    for part in KUBERNETES:
        for container in containers(part):
            yield container["args"]


def containers(part):
    spec = part.get("spec", {}).get("template", {}).get("spec", {})
    return spec.get("containers", [])


def test_every_command_is_one_that_there_is():
    parser = Command().create_parser("manage.py", "up")
    for line in command_lines():
        assert line[:3] == ["python", "manage.py", "up"]
        assert parser.parse_args(line[3:]).only in OURS


def test_every_part_can_be_run_alone():
    assert set(OURS) >= set(commands())


def test_pods_are_confined():
    found = [one for part in KUBERNETES for one in containers(part)]

    assert len(found) == 3
    for container in found:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert container["resources"]["limits"]["memory"]
    kinds = [part["kind"] for part in KUBERNETES]
    assert kinds == ["ConfigMap", "Deployment", "Deployment", "Service"]
    selected = KUBERNETES[3]["spec"]["selector"]
    assert selected == KUBERNETES[1]["spec"]["template"]["metadata"]["labels"]


@pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd is not installed"
)
def test_systemd_takes_the_units():
    units = sorted(map(str, (DEPLOY / "systemd").iterdir()))

    done = subprocess.run(
        ["systemd-analyze", "verify", *units],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip

    faults = [
        line
        for line in (done.stdout + done.stderr).splitlines()
        if "slmgen" in line and "is not executable" not in line  # not installed here
    ]
    assert faults == []
