"""The proxies' files say the same limits as the guard."""

import re
import shutil
import subprocess
from uuid import uuid4

import pytest
from django.conf import settings
from django.urls import reverse

from slmgen import guard
from tests.conftest import REPO

NGINX = (REPO / "deploy/nginx.conf").read_text(encoding="utf-8")
CADDY = (REPO / "deploy/Caddyfile").read_text(encoding="utf-8")
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
        assert 2 * 10**6 < guard.limit_of(path) <= FILES_MB * 10**6
    assert f"request_body @files {{\n\t\tmax_size {FILES_MB}MB\n" in CADDY


def test_the_stream_of_a_training_is_not_held_back():
    (stream,) = (path for path in re.findall(r"location ~ (\S+) \{", NGINX))
    address = reverse("training_stream", args=[uuid4()])

    assert re.search(stream, address)
    assert "flush_interval -1" in CADDY


def test_other_bodies_are_small():
    assert "    client_max_body_size 2m;\n" in NGINX
    assert "request_body @others {\n\t\tmax_size 2MB\n" in CADDY
    assert 2 * 10**6 >= guard.limit_of("/recommend") > 10**6


def test_silence_is_cut_off_as_by_the_guard():
    seconds = f"{guard.SECONDS_OF_SILENCE:.0f}s"

    assert f"client_body_timeout {seconds};" in NGINX
    assert f"client_header_timeout {seconds};" in NGINX
    assert f"read_header {seconds}" in CADDY


def test_an_address_has_as_many_requests_under_way_as_the_guard_lets_it():
    assert f"limit_conn slmgen_addresses {guard.REQUESTS_OF_ONE};" in NGINX
    assert "limit_conn_zone $binary_remote_addr zone=slmgen_addresses:" in NGINX
    assert "limit_conn_status 429;" in NGINX


def test_what_a_client_claims_about_itself_is_replaced():
    assert "proxy_set_header X-Forwarded-For $remote_addr;" in NGINX
    assert "proxy_set_header X-Forwarded-Proto $scheme;" in NGINX
    assert "trusted_proxies" not in CADDY  # Caddy then believes nobody


def test_bodies_are_buffered_before_the_application():
    assert "proxy_request_buffering on;" in NGINX
    assert "return 404" in locations()["/metrics"]


@pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is not installed")
def test_nginx_takes_its_file(tmp_path):
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=x",
         "-keyout", "privkey.pem", "-out", "fullchain.pem"],
        cwd=tmp_path, check=True, capture_output=True, timeout=60,
    )  # fmt: skip
    site = tmp_path / "site.conf"
    site.write_text(re.sub(r"/etc/letsencrypt/live/[^/]+", str(tmp_path), NGINX))
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    folders = " ".join(f"{kind}_temp_path {tmp_path}/{kind};" for kind in kinds)
    whole = tmp_path / "nginx.conf"
    whole.write_text(
        f"pid {tmp_path}/pid; events {{}} http {{ access_log off; {folders} "
        f"include {site}; }}"
    )

    done = subprocess.run(
        ["nginx", "-t", "-c", str(whole)], capture_output=True, text=True, timeout=60
    )

    assert done.returncode == 0, done.stderr
