import atexit
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from django.core.cache import cache
from django.core.files.storage import storages
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from django.test import client
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from tests import sources
from tests.with_services import free_port, s3_server

# Before Django reads its settings: tests never touch the data of a real server. They
# stay below SLMGEN_VAR where that is set.
if parent := os.environ.get("SLMGEN_VAR"):
    Path(parent).mkdir(parents=True, exist_ok=True)
state = tempfile.TemporaryDirectory(prefix="slmgen-tests-", dir=parent)
atexit.register(state.cleanup)
os.environ["SLMGEN_VAR"] = state.name

# How fast examples are made says something of the machine, nothing of the product.
hypothesis_settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
hypothesis_settings.load_profile("any machine")

# A request's end must not close the connection that holds a test's transaction.
# Django's client sees to that, except for answers that a test closes itself.
for signal in (request_started, request_finished):
    signal.disconnect(close_old_connections)
client.close_old_connections = lambda **_: None

GUARD_SECONDS = 300  # against hanging, not a measure: no test takes so long
REPO = Path(__file__).resolve().parent.parent

real_data_left_out = pytest.StashKey[int]()


def pytest_addoption(parser):
    parser.addoption(
        "--with-services",
        action="store_true",
        help="Only tests that need a database, a storage or a running server.",
    )


def pytest_configure(config):
    if not sources.is_left_out() and (complaint := sources.complaint()):
        raise pytest.UsageError(complaint)


@pytest.hookimpl(trylast=True)  # after -m and -k: what is counted would have run
def pytest_collection_modifyitems(config, items):
    if config.getoption("--with-services"):
        keep(config, items, needs_services)
    if sources.is_left_out():
        before = len(items)
        keep(config, items, lambda item: not item.get_closest_marker("real_data"))
        config.stash[real_data_left_out] = before - len(items)


def keep(config, items, is_wanted):
    config.hook.pytest_deselected(items=[i for i in items if not is_wanted(i)])
    items[:] = filter(is_wanted, items)


def needs_services(item):
    needed = {"db", "transactional_db", "server", "objects"}
    return item.get_closest_marker("django_db") or needed & set(item.fixturenames)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session):
    if hasattr(session.config, "workeroutput"):  # a process of pytest-xdist
        count = session.config.stash.get(real_data_left_out, 0)
        session.config.workeroutput["real_data_left_out"] = count


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node):
    """A process of pytest-xdist ended; each has collected all tests."""
    count = getattr(node, "workeroutput", {}).get("real_data_left_out", 0)
    node.config.stash[real_data_left_out] = count


def pytest_terminal_summary(terminalreporter, config):
    if count := config.stash.get(real_data_left_out, 0):
        terminalreporter.write_line(
            f"{count} test{'s' * (count > 1)} of real datasets left out: "
            f"{sources.VARIABLE} names no folder."
        )


@pytest.fixture(autouse=True)
def _isolated(settings, request, tmp_path):
    """Every test has its own files, and a cache and hashes that are fast."""
    memory = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
    settings.CACHES = {"default": memory, "requests": memory}
    if settings.SLMGEN_STORAGE == "s3":
        request.getfixturevalue("objects")
    else:
        settings.STORAGES = {
            **settings.STORAGES,
            "default": {
                "BACKEND": "slmgen.storage.local.AtomicFileStorage",
                "OPTIONS": {"location": tmp_path / "files"},
            },
        }
    settings.EMAIL_FILE_PATH = tmp_path / "mail"
    settings.FILE_UPLOAD_TEMP_DIR = tmp_path / "tmp"
    settings.FILE_UPLOAD_TEMP_DIR.mkdir()
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.SLMGEN_ANALYSIS_WAIT_SECONDS = 0
    cache.clear()  # or tries of one test would count against the next


@pytest.fixture
def files(settings, tmp_path) -> Path:
    """The folder of everything the product has stored."""
    if settings.SLMGEN_STORAGE == "s3":
        pytest.skip("there is no folder to look into, all files are objects")
    return tmp_path / "files"


@pytest.fixture(scope="session")
def s3_options(tmp_path_factory):
    """How to reach an S3 server: one that is there, or our own."""
    with ExitStack() as stack:
        found = dict(os.environ)
        if "SLMGEN_S3_ENDPOINT" not in found:
            found |= stack.enter_context(s3_server(tmp_path_factory.mktemp("s3")))
        yield {
            "endpoint_url": found["SLMGEN_S3_ENDPOINT"],
            "access_key": found["SLMGEN_S3_ACCESS_KEY"],
            "secret_key": found["SLMGEN_S3_SECRET_KEY"],
            "region_name": "us-east-1",
        }


@pytest.fixture
def objects(settings, s3_options):
    """The test's files are objects in a bucket of its own."""
    options = {**s3_options, "bucket_name": f"test-{uuid.uuid4().hex}"}
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {
            "BACKEND": "slmgen.storage.s3.ObjectStorage",
            "OPTIONS": options,
        },
    }
    storage = storages["default"]
    storage.client.create_bucket(Bucket=storage.bucket_name)
    return storage


@pytest.fixture
def owner(django_user_model):
    return django_user_model.objects.create_user("owner", password="owner-password")


@pytest.fixture
def stranger(django_user_model):
    return django_user_model.objects.create_user("stranger", password="x-password")


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """The product as a newcomer starts it; gives its port and its environment."""
    with started(tmp_path_factory.mktemp("var")) as running:
        yield running


@contextmanager
def started(var, **variables):
    """A server of its own with more variables; gives its port and its environment."""
    port = free_port()
    place = {"PORT": str(port), "SLMGEN_VAR": str(var)}
    environment = {**os.environ, **place, **variables}
    process = subprocess.Popen(
        [sys.executable, "manage.py", "up"], cwd=REPO, env=environment
    )
    try:
        wait_for(f"http://localhost:{port}/health", process)
        yield port, environment
    finally:
        process.terminate()
        assert process.wait(GUARD_SECONDS) == 0


def wait_for(address, process):
    def answers():
        assert process.poll() is None, "the server ended"
        try:
            urllib.request.urlopen(address, timeout=GUARD_SECONDS).close()
        except OSError:
            return False
        return True

    until(answers)


def until(condition):
    """Waits for what is certain to come: the deadline only ends a test that hangs."""
    deadline = time.monotonic() + GUARD_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"nothing happened within {GUARD_SECONDS} seconds")
        time.sleep(0.05)
