import os

import pytest

from tests.conftest import REPO
from tests.datasets.bad_files import FILES, LIMIT_BYTES, PARTS, sentences, table

pytestmark = pytest.mark.django_db
DOCUMENT = REPO / "docs" / "bad-files.md"
START = "<!-- the table is written by tests/datasets/bad_files.py -->\n\n"


@pytest.fixture(autouse=True)
def _small_limit(settings):
    settings.SLMGEN_MAX_UPLOAD_BYTES = LIMIT_BYTES


def test_there_are_twelve():
    assert len(FILES) == 12


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_every_message_has_where_found_expected_and_fix(client, file):
    said = sentences(client, file)

    assert said
    assert [each for each in said if not PARTS.fullmatch(each)] == []


def test_the_document_has_the_real_answers(client):
    real = table(client)
    head = DOCUMENT.read_text(encoding="utf-8").partition(START)[0]
    if os.environ.get("WRITE_BAD_FILES"):
        DOCUMENT.write_text(f"{head}{START}{real}\n", encoding="utf-8")

    assert DOCUMENT.read_text(encoding="utf-8") == f"{head}{START}{real}\n"
