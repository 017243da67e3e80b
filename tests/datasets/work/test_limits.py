"""Few read the files of strangers at once, and each client leaves room for others."""

import gzip
from contextlib import ExitStack

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from datasets.work import limits
from slmgen.errors import Unavailable
from tests.factories import make_file


@pytest.fixture
def at_once(monkeypatch):
    """Four places, and nobody waits for one."""
    monkeypatch.setattr(limits, "SECONDS_TO_WAIT", 0)
    monkeypatch.setattr(limits, "slots", limits.WorkSlots(4))
    with ExitStack() as stack:
        yield lambda client: stack.enter_context(limits.slots.acquire(client, 0))


def test_too_many_at_once_are_told_to_come_back(at_once):
    for client in ("1", "2", "3", "4"):
        at_once(client)

    with pytest.raises(Unavailable, match="Too many files are being read at once"):
        at_once("5")


def test_a_place_is_free_again():
    slots = limits.WorkSlots(1)
    for client in ("1", "2"):
        with slots.acquire(client, 0):
            pass


def test_one_client_leaves_half_of_the_places_to_others(db, client, at_once):
    at_once("203.0.113.9")
    at_once("203.0.113.9")

    def upload_from(address):
        file = SimpleUploadedFile("packed.gz", gzip.compress(make_file().read()))
        return client.post("/upload", {"file": file}, REMOTE_ADDR=address)

    assert upload_from("203.0.113.9").status_code == 503
    assert upload_from("203.0.113.10").status_code == 200
