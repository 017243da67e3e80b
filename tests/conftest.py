import os
import tempfile
from pathlib import Path

import pytest
from django.core.cache import cache

# Before Django reads its settings: tests never touch the data of a real server.
os.environ["SLMGEN_VAR"] = tempfile.mkdtemp(prefix="slmgen-tests-")
Path(os.environ["SLMGEN_VAR"], "static").mkdir()

REPO = Path(__file__).resolve().parent.parent
SHARED_DATA = REPO.parent / "shared" / "data"


@pytest.fixture(autouse=True)
def _isolated(settings, tmp_path):
    """Every test has its own files and hashes passwords fast."""
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {
            "BACKEND": "slmgen.storage.AtomicFileStorage",
            "OPTIONS": {"location": tmp_path / "files"},
        },
    }
    settings.FILE_UPLOAD_TEMP_DIR = tmp_path / "tmp"
    settings.FILE_UPLOAD_TEMP_DIR.mkdir()
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.SLMGEN_ANALYSIS_WAIT_SECONDS = 0
    cache.clear()  # or tries of one test would count against the next


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real datasets that lie beside the repository; a test that needs them fails."""
    if not SHARED_DATA.is_dir():
        pytest.fail(f"The real datasets are missing: expected them in {SHARED_DATA}.")
    return SHARED_DATA


@pytest.fixture
def files(tmp_path) -> Path:
    """The folder of everything the product has stored."""
    return tmp_path / "files"


@pytest.fixture
def owner(django_user_model):
    return django_user_model.objects.create_user("owner", password="owner-password")


@pytest.fixture
def stranger(django_user_model):
    return django_user_model.objects.create_user("stranger", password="x-password")
