import json

import pytest

from jobs.models import Job
from jobs.training import runs
from tests.factories import make_dataset


@pytest.fixture
def dataset(owner):
    return make_dataset(owner=owner)


@pytest.fixture
def signed_in(client, owner):
    client.force_login(owner)
    return client


@pytest.fixture
def made(signed_in, dataset):
    """A job as the pages make one, with its notebook."""
    signed_in.post(f"/app/datasets/{dataset.id}/training/", {"model": "qwen3-0.6b"})
    return Job.objects.get()


@pytest.fixture
def tell(client):
    """tell(job)(event, ...) reports as the job's notebook does, over the API."""

    def connected(job):
        token = runs.new_secret(job).token

        def sent(event="log", step=0, steps=60, **values):
            body = {"event": event, "step": step, "steps": steps, **values}
            answer = client.post(
                "/training/events", json.dumps(body), "application/json",
                HTTP_AUTHORIZATION=f"Bearer {token}",
            )  # fmt: skip
            assert answer.status_code == 204

        return sent

    return connected
