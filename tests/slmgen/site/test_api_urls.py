"""The schema describes the API, and nothing that fits it makes the server fail."""

from contextlib import closing

import pytest
import schemathesis
from django.core.cache import cache
from django.core.wsgi import get_wsgi_application
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import InvalidArgument, Unsatisfiable
from schemathesis import GenerationMode

from slmgen.identity.services import token_for
from tests.factories import make_dataset

pytestmark = pytest.mark.django_db

django_application = get_wsgi_application()


def application(environ, start_response):
    """Closes every answer, as a server does and schemathesis does not."""
    with closing(django_application(environ, start_response)) as response:
        return [b"".join(response)]


OPERATIONS = [
    ("GET", "/"), ("GET", "/health"), ("GET", "/health/ready"),
    ("POST", "/auth/token"), ("POST", "/upload"), ("GET", "/analyze/{session_id}"),
    ("GET", "/preview/{session_id}"), ("GET", "/preview/{session_id}/distribution"),
    ("GET", "/preview/{session_id}/duplicates"), ("POST", "/recommend"),
    ("PATCH", "/datasets/{session_id}"), ("DELETE", "/datasets/{session_id}"),
    ("GET", "/datasets/{session_id}/mapping"),
    ("POST", "/datasets/{session_id}/mapping"),
    ("GET", "/datasets/{session_id}/problems"),
    ("POST", "/datasets/{session_id}/repairs"),
    ("GET", "/datasets/{session_id}/export"),
    ("GET", "/datasets/{session_id}/profile"),
    ("GET", "/datasets/{session_id}/insights"), ("GET", "/datasets/{session_id}/work"),
    ("POST", "/datasets/{session_id}/work/{work_id}"),
    ("DELETE", "/datasets/{session_id}/work/{work_id}"),
    ("POST", "/recommend/explain"), ("GET", "/models"), ("GET", "/models/{model_id}"),
    ("GET", "/datasets/{session_id}/suggest"),
    ("GET", "/datasets/{session_id}/contexts"),
    ("POST", "/plan"), ("POST", "/generate"), ("GET", "/download/{filename}"),
    ("GET", "/data/{token}"), ("GET", "/jobs"), ("POST", "/jobs"),
    ("GET", "/jobs/{job_id}"), ("PATCH", "/jobs/{job_id}"),
    ("DELETE", "/jobs/{job_id}"), ("GET", "/jobs/{job_id}/training"),
    ("POST", "/jobs/{job_id}/training/secret"),
    ("DELETE", "/jobs/{job_id}/training/secret"),
    ("GET", "/jobs/{job_id}/training/events"),
    ("GET", "/jobs/{job_id}/training/stream"), ("POST", "/training/events"),
]  # fmt: skip


@pytest.fixture
def schema():
    return schemathesis.openapi.from_wsgi("/openapi.json", application)


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
@pytest.mark.parametrize(
    "mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=str
)
def test_no_request_makes_the_server_fail(schema, owner, method, path, mode):
    token = token_for(username="owner", password="owner-password")
    operation = schema[path][method]

    @settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy(generation_mode=mode))
    def run(case):
        cache.clear()
        response = case.call(headers={"Authorization": f"Bearer {token}"})
        assert response.status_code < 500, response.text
        if response.status_code >= 400:
            assert list(response.json()) == ["detail"]

    try:
        run()
    except (Unsatisfiable, InvalidArgument):
        # There is no malformed form of an address without input.
        assert mode is GenerationMode.NEGATIVE


def test_every_operation_is_tried(client):
    paths = client.get("/openapi.json").json()["paths"]

    assert {(m.upper(), p) for p in paths for m in paths[p]} == set(OPERATIONS)


def test_the_schema_is_of_version_3_1_and_names_the_whole_table(client):
    found = client.get("/openapi.json").json()

    assert found["openapi"].startswith("3.1")
    assert set(found["paths"]) == {path for _, path in OPERATIONS}


def test_the_interactive_page_loads_nothing_from_elsewhere(client):
    page = client.get("/docs/api/").content.decode()

    assert "/static/drf_spectacular_sidecar/" in page
    assert "//cdn" not in page


def test_answers_fit_the_schema(client):
    found = client.get("/openapi.json").json()
    dataset = make_dataset()
    body = client.get(f"/analyze/{dataset.id}").json()

    schemas = found["components"]["schemas"]

    assert set(body) == set(schemas["Analysis"]["properties"])
