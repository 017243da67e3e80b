"""What is in deploy/ fits the product, and runs with no right it does not need."""

import os
import re
import shutil
import subprocess
import sys

import pytest
import yaml
from django.test import override_settings

from slmgen.management.commands.up import Command, commands
from tests.conftest import GUARD_SECONDS, REPO, started
from tests.slmgen.test_settings import assert_fit_for_production, variables_in_settings

DEPLOY = REPO / "deploy"
DOCKERFILE = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
KUBERNETES = list(
    yaml.safe_load_all((DEPLOY / "kubernetes/slmgen.yaml").read_text(encoding="utf-8"))
)
OURS = ["web", "work", "beat"]
NAME = re.compile(r"\b(?:(?:SLMGEN|OTEL)_[A-Z0-9_]+|DATABASE_URL|REDIS_URL)\b")
VERSION = re.compile(r":(RELEASE\.)?\d\S*$")
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


def example_names():
    example = (DEPLOY / "production.env.example").read_text().splitlines()
    return {line.partition("=")[0] for line in example if line[:1].isupper()}


def test_what_compose_asks_for_stands_in_the_example():
    asked = set(re.findall(r"\$\{(\w+)", (DEPLOY / "compose.yaml").read_text()))

    assert asked == example_names()


def test_the_image_runs_without_rights_and_says_how_it_is():
    assert re.search(r"^USER 10001:10001$", DOCKERFILE, re.MULTILINE)
    assert "/health" in DOCKERFILE
    assert "--require-hashes" in DOCKERFILE
    assert "SLMGEN_VAR=/var/lib/slmgen" in DOCKERFILE


def test_the_image_s_health_check_passes_behind_https(tmp_path):
    (line,) = re.findall(r'CMD \["python", "-c", "(.*)"\]', DOCKERFILE)
    production = {"SLMGEN_HTTPS": "true", "SLMGEN_TRUSTED_PROXIES": "1"}

    with started(tmp_path, **production) as (port, _):
        # How soon it must answer is for a server's own machine.
        line = line.replace("timeout=4", f"timeout={GUARD_SECONDS}")
        ask = [sys.executable, "-c", line.replace(":8000", f":{port}")]
        healthy = subprocess.run(
            ask, capture_output=True, text=True, timeout=GUARD_SECONDS
        )
    ended = subprocess.run(ask, capture_output=True, timeout=GUARD_SECONDS)

    assert healthy.returncode == 0, healthy.stderr
    assert ended.returncode == 1


def test_all_parts_agree_on_the_port():
    (exposed,) = re.findall(r"^EXPOSE (\d+)$", DOCKERFILE, re.MULTILINE)
    port = f":{exposed}"
    asked = [
        COMPOSE["services"]["proxy"]["environment"]["SLMGEN_BACKEND"],
        re.search(r"server (\S+);", (DEPLOY / "nginx.conf").read_text())[1],
        re.search(r"SLMGEN_BACKEND:(\S+)\}", (DEPLOY / "Caddyfile").read_text())[1],
    ]
    (web,) = containers(KUBERNETES[1])

    assert f"PORT={exposed} " in DOCKERFILE
    assert f"http://127.0.0.1{port}/health" in DOCKERFILE
    assert [address for address in asked if not address.endswith(port)] == []
    assert web["ports"] == [{"name": "http", "containerPort": int(exposed)}]
    assert KUBERNETES[3]["spec"]["ports"][0]["targetPort"] == "http"


def settings_of_deploy():
    """The variables of compose and of Kubernetes, with secrets that are made up."""
    made_up = dict.fromkeys(example_names(), f"example-{'x' * 50}")
    made_up |= {
        "SLMGEN_DOMAIN": "slmgen.example.org",
        "OTEL_EXPORTER_OTLP_ENDPOINT": "",
    }
    of_compose = {
        name: re.sub(r"\$\{(\w+).*?\}", lambda found: made_up[found[1]], value)
        for name, value in COMPOSE["services"]["web"]["environment"].items()
    }
    names = ("SLMGEN_SECRET_KEY", "DATABASE_URL", "REDIS_URL")
    secret = {name: of_compose[name] for name in names} | {"SLMGEN_S3_BUCKET": "b"}
    return {"compose": of_compose, "kubernetes": KUBERNETES[0]["data"] | secret}


@pytest.mark.parametrize("name", ["compose", "kubernetes"])
def test_what_is_set_passes_the_checks_of_production(tmp_path, name):
    environment = {
        **{k: v for k, v in os.environ.items() if not NAME.match(k)},
        **settings_of_deploy()[name],
        "SLMGEN_VAR": str(tmp_path),
    }

    assert_fit_for_production(environment)


def test_the_image_has_all_that_the_product_is_made_of():
    copied = set(re.findall(r"^COPY (?!--from)(.*) \S+$", DOCKERFILE, re.MULTILINE))
    names = {name for line in copied for name in line.split()}
    sent = set(re.findall(r"^!(.*)$", (REPO / ".dockerignore").read_text(), re.M))

    assert all((REPO / name).exists() for name in names)
    names = {name.partition("/")[0] for name in names}
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


def test_probes_are_answered(client, db):
    (web,) = containers(KUBERNETES[1])
    hosts = KUBERNETES[0]["data"]["SLMGEN_ALLOWED_HOSTS"].split()
    for kind in ("startupProbe", "livenessProbe", "readinessProbe"):
        probe = web[kind]["httpGet"]
        headers = {one["name"]: one["value"] for one in probe["httpHeaders"]}
        with override_settings(ALLOWED_HOSTS=hosts, SECURE_SSL_REDIRECT=True):
            answer = client.get(probe["path"], headers=headers)

        assert answer.status_code == 200
        assert probe["port"] == web["ports"][0]["name"]


def test_no_two_containers_share_a_folder_of_state():
    places = [
        (part["metadata"]["name"], mount["name"])
        for part in KUBERNETES
        for one in containers(part)
        for mount in one["volumeMounts"]
        if mount["mountPath"] == "/var/lib/slmgen"
    ]
    volumes = [COMPOSE["services"][name]["volumes"] for name in OURS]

    assert len(set(places)) == len(places) == 3
    assert volumes == [[f"{name}:/var/lib/slmgen"] for name in OURS]


def test_every_image_of_others_has_a_version():
    images = {name: one.get("image", "") for name, one in COMPOSE["services"].items()}
    others = {name: image for name, image in images.items() if name not in OURS}

    assert [image for image in others.values() if not VERSION.search(image)] == []


needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd is not installed"
)


@needs_systemd
@pytest.mark.parametrize("unit", ["slmgen.service", "slmgen-backup.service"])
def test_services_are_confined(unit):
    """systemd's own measure: 10 is root with all rights, 0 is nothing at all."""
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=yes", "--no-pager",
         DEPLOY / "systemd" / unit],
        capture_output=True, text=True, timeout=GUARD_SECONDS,
    )  # fmt: skip
    (exposure,) = re.findall(rf"exposure level for {unit}: ([\d.]+)", done.stdout)

    assert float(exposure) < 2.5, done.stdout


@needs_systemd
def test_systemd_takes_the_units():
    units = sorted(map(str, (DEPLOY / "systemd").iterdir()))

    done = subprocess.run(
        ["systemd-analyze", "verify", *units],
        capture_output=True, text=True, timeout=GUARD_SECONDS, check=False,
    )  # fmt: skip

    faults = [
        line
        for line in (done.stdout + done.stderr).splitlines()
        if "slmgen" in line and "is not executable" not in line  # not installed here
    ]
    assert faults == []
