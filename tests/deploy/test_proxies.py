"""The proxies' files say the same limits as the guard."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from uuid import uuid4

import pytest
import yaml
from django.conf import settings
from django.urls import reverse

from slmgen.http import body_limits
from tests.conftest import GUARD_SECONDS, REPO
from tests.deploy.proxies import (
    CADDY,
    NGINX,
    caddy_text,
    needs_caddy,
    needs_nginx,
    nginx_file,
)

FILES_MB = settings.SLMGEN_MAX_UPLOAD_BYTES // 10**6 + 1


def locations():
    """What stands in each location of the nginx file."""
    return dict(re.findall(r"location (?:= )?(\S+) \{(.*?)\n    \}", NGINX, re.DOTALL))


def test_files_may_be_as_large_as_the_guard_lets_them_and_nowhere_else():
    large = f"client_max_body_size {FILES_MB}m;"
    of_nginx = {path for path, text in locations().items() if large in text}
    (of_caddy,) = re.findall(r"^\t@files path (.*)$", CADDY, re.MULTILINE)
    (others,) = re.findall(r"^\t@others not path (.*)$", CADDY, re.MULTILINE)

    assert (
        of_nginx == set(of_caddy.split()) == set(others.split()) == {"/upload", "/app/"}
    )
    assert NGINX.count(large) == len(of_nginx)
    for path in of_nginx:
        assert 2 * 10**6 < body_limits.limit_of(path) <= FILES_MB * 10**6
    assert f"request_body @files {{\n\t\tmax_size {FILES_MB}MB\n" in CADDY


def test_the_stream_of_a_training_is_not_held_back():
    (stream,) = (path for path in re.findall(r"location ~ (\S+) \{", NGINX))
    address = reverse("training_stream", args=[uuid4()])

    assert re.search(stream, address)
    assert "flush_interval -1" in CADDY


def test_other_bodies_are_small():
    assert "    client_max_body_size 2m;\n" in NGINX
    assert "request_body @others {\n\t\tmax_size 2MB\n" in CADDY
    assert 2 * 10**6 >= body_limits.limit_of("/recommend") > 10**6


def test_silence_is_cut_off_as_by_the_guard():
    seconds = f"{body_limits.SECONDS_OF_SILENCE:.0f}s"

    assert f"client_body_timeout {seconds};" in NGINX
    assert f"client_header_timeout {seconds};" in NGINX
    assert f"read_header {seconds}" in CADDY


def test_an_address_has_as_many_requests_under_way_as_the_guard_lets_it():
    assert f"limit_conn slmgen_addresses {body_limits.REQUESTS_OF_ONE};" in NGINX
    assert "limit_conn_zone $binary_remote_addr zone=slmgen_addresses:" in NGINX
    assert "limit_conn_status 429;" in NGINX


def test_what_a_client_claims_about_itself_is_replaced():
    assert "proxy_set_header X-Forwarded-For $remote_addr;" in NGINX
    assert "proxy_set_header X-Forwarded-Proto $scheme;" in NGINX
    assert "trusted_proxies" not in CADDY  # Caddy then believes nobody


def test_bodies_are_buffered_before_the_application():
    assert "proxy_request_buffering on;" in NGINX
    assert "return 404" in locations()["/metrics"]


@needs_nginx
def test_nginx_takes_its_file(tmp_path):
    done = subprocess.run(
        ["nginx", "-t", "-c", str(nginx_file(tmp_path))],
        capture_output=True, text=True, timeout=GUARD_SECONDS,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr


def as_in(place, folder):
    """The files as they lie in deploy/, or where compose puts them."""
    (folder / "Caddyfile").write_text(caddy_text())
    if place == "deploy":
        shutil.copy(REPO / "deploy/files.caddy", folder)
        return
    compose = yaml.safe_load((REPO / "deploy/compose.yaml").read_text(encoding="utf-8"))
    mounts = [one.split(":") for one in compose["services"]["proxy"]["volumes"]]
    files = {one[0]: Path(one[1]) for one in mounts if one[0].startswith("./")}
    inside = files.pop("./Caddyfile").parent
    for source, target in files.items():
        (folder / target.relative_to(inside)).parent.mkdir()
        shutil.copy(REPO / "deploy" / source, folder / target.relative_to(inside))


@needs_caddy
@pytest.mark.parametrize(
    ("place", "variables", "hosts"),
    [
        ("deploy", {}, {"localhost"}),
        ("deploy", {"SLMGEN_DOMAIN": "a.example.org"}, {"a.example.org"}),
        (
            "compose",
            {"SLMGEN_DOMAIN": "a.example.org", "SLMGEN_FILES_DOMAIN": "f.example.org"},
            {"a.example.org", "f.example.org"},
        ),
    ],
    ids=["no variable", "one variable", "both variables"],
)
def test_caddy_takes_its_file(tmp_path, place, variables, hosts):
    as_in(place, tmp_path)
    environment = {**os.environ, **variables, "HOME": str(tmp_path)}

    def caddy(command):
        return subprocess.run(
            ["caddy", command, "--config", "Caddyfile"], cwd=tmp_path, env=environment,
            capture_output=True, text=True, timeout=GUARD_SECONDS,
        )  # fmt: skip

    valid, adapted = caddy("validate"), caddy("adapt")

    assert valid.returncode == 0, valid.stderr
    assert set(re.findall(r'"host":\["([^"]+)"\]', adapted.stdout)) == hosts
