import os
import subprocess
import sys

import httpx
import pytest

from jobs.models import Job
from tests.conftest import GUARD_SECONDS, REPO, started
from tests.factories import make_dataset

TOKEN = "a-token-for-prometheus"


def test_without_a_token_there_are_no_metrics(client, db):
    answer = client.get("/metrics", HTTP_AUTHORIZATION="Bearer ")

    assert answer.status_code == 404


@pytest.mark.django_db
def test_another_token_is_refused(client, settings, tmp_path):
    settings.SLMGEN_METRICS_TOKEN = TOKEN

    for header in ({}, {"HTTP_AUTHORIZATION": "Bearer wrong"}):
        answer = client.get("/metrics", **header)

        assert answer.status_code == 401
        assert answer["WWW-Authenticate"] == 'Bearer realm="slmgen"'


@pytest.mark.django_db
def test_the_state_of_the_server_is_told(client, settings, tmp_path, owner):
    settings.SLMGEN_METRICS_TOKEN = TOKEN
    settings.METRICS_FOLDER = tmp_path
    dataset = make_dataset(owner=owner)
    Job.objects.create(owner=owner, dataset=dataset, status=Job.Status.RUNNING)

    text = client.get("/metrics", HTTP_AUTHORIZATION=f"Bearer {TOKEN}").text

    assert "slmgen_datasets 1.0" in text
    assert f"slmgen_stored_bytes {float(dataset.size + dataset.examples_bytes)}" in text
    assert 'slmgen_jobs{status="running"} 1.0' in text
    assert 'slmgen_jobs{status="failed"} 0.0' in text
    assert str(dataset.id) not in text


def test_requests_are_counted_by_all_processes_together(tmp_path):
    """A second process writes beside the server's, as another worker of it would."""
    with (
        started(tmp_path, SLMGEN_METRICS_TOKEN=TOKEN) as (port, environment),
        httpx.Client(
            base_url=f"http://localhost:{port}", timeout=GUARD_SECONDS
        ) as client,
    ):
        for _ in range(3):
            client.get("/models")
        client.get("/nothing")
        other = (
            "import django; django.setup(); "
            "from slmgen.observability.metrics import observe; "
            "observe('GET', '/models', 200, 0.2)"
        )
        _run(other, environment)
        headers = {"Authorization": f"Bearer {TOKEN}"}
        text = client.get("/metrics", headers=headers).text

    assert (
        'slmgen_requests_total{method="GET",route="/models",status="200"} 4.0' in text
    )
    assert 'route="no route",status="404"} 1.0' in text
    assert 'slmgen_request_seconds_count{route="/models"} 4.0' in text


def _run(code, environment):
    variables = {**environment, "DJANGO_SETTINGS_MODULE": "slmgen.settings"}
    subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **variables}, cwd=REPO,
        check=True, timeout=GUARD_SECONDS,
    )  # fmt: skip
