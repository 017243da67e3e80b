"""Probes come every few seconds; the storage is not written to by each."""

import pytest
from django.core.files.storage import default_storage, storages

from slmgen.operations import health

pytestmark = pytest.mark.django_db


@pytest.fixture
def saved(monkeypatch):
    names = []
    kind = type(storages["default"])
    real = kind._save

    def save(self, name, content):
        names.append(name)
        return real(self, name, content)

    monkeypatch.setattr(kind, "_save", save)
    monkeypatch.setattr(health, "_last_test", health._StorageTest())
    return names


def test_the_storage_is_written_to_once_for_many_probes(client, saved):
    for _ in range(5):
        assert client.get("/health/ready").json()["checks"]["storage"] == "ok"

    assert len(saved) == 1
    assert not default_storage.exists(saved[0])


def test_it_is_written_to_again_after_a_while(client, saved):
    client.get("/health/ready")
    health._last_test.at -= health.SECONDS_BETWEEN_WRITES

    client.get("/health/ready")

    assert len(saved) == 2
