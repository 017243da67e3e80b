"""The proxies of deploy/ as processes, in front of a server of the test."""

import os
import re
import shutil
import subprocess
from contextlib import contextmanager

import pytest

from tests.conftest import GUARD_SECONDS, REPO

NGINX = (REPO / "deploy/nginx.conf").read_text(encoding="utf-8")
CADDY = (REPO / "deploy/Caddyfile").read_text(encoding="utf-8")

needs_nginx = pytest.mark.skipif(
    shutil.which("nginx") is None, reason="nginx is not installed"
)
needs_caddy = pytest.mark.skipif(
    shutil.which("caddy") is None, reason="Caddy is not installed"
)


def nginx_file(folder, site=NGINX):
    """A whole configuration around our site; all that it writes is in `folder`."""
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=x",
         "-keyout", "privkey.pem", "-out", "fullchain.pem"],
        cwd=folder, check=True, capture_output=True, timeout=GUARD_SECONDS,
    )  # fmt: skip
    site = re.sub(r"/etc/letsencrypt/live/[^/]+", str(folder), site)
    site = site.replace("/var/log/nginx", str(folder))
    (folder / "site.conf").write_text(site)
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    folders = " ".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
    user = "user root;" if os.getuid() == 0 else ""
    whole = folder / "nginx.conf"
    whole.write_text(
        f"{user} pid {folder}/pid; error_log {folder}/main-error.log; events {{}} "
        f"http {{ access_log {folder}/main-access.log; {folders} "
        f"include {folder}/site.conf; }}"
    )
    return whole


def listening(site, plain, encrypted, backend):
    """Our site on other ports."""
    site = re.sub(r" +listen \[::\].*\n", "", site)
    site = site.replace("listen 80;", f"listen 127.0.0.1:{plain};")
    site = site.replace("listen 443 ssl;", f"listen 127.0.0.1:{encrypted} ssl;")
    return site.replace("127.0.0.1:8000", f"127.0.0.1:{backend}")


def caddy_text():
    """Our file without an administration port, as the installed Caddy knows it."""
    text = CADDY.replace("{\n\tservers", "{\n\tadmin off\n\tservers", 1)
    version = subprocess.run(
        ["caddy", "version"], capture_output=True, text=True, check=True,
        timeout=GUARD_SECONDS,
    ).stdout  # fmt: skip
    major, minor = map(int, re.search(r"(\d+)\.(\d+)", version).groups())
    if (major, minor) < (2, 7):
        text = re.sub(r".*request_buffers.*\n", "", text)
    return text


@contextmanager
def process(command, **options):
    running = subprocess.Popen(command, **options)
    try:
        yield running
    finally:
        running.terminate()
        running.wait(GUARD_SECONDS)
