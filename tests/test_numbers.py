"""Numbers that no float or integer of the database holds, sent wherever one fits."""

import pytest

from datasets.forms import RowsForm
from jobs.models import Job
from notebooks.core.planning.settings import OPTIONS
from slmgen.identity.services import token_for
from tests.factories import make_dataset
from tests.test_every_route import address_of, arguments  # noqa: F401

pytestmark = pytest.mark.django_db

HUGE = ["1" + "0" * 400, "-1e308", "1e999", "9223372036854775808", "NaN"]


@pytest.fixture
def bearer(owner):
    token = token_for(username="owner", password="owner-password")
    return {"HTTP_AUTHORIZATION": f"Bearer {token}"}


def status_of(client, method, path, body=b"", **headers):
    answer = client.generic(method, path, body, "application/json", **headers)
    answer.close()
    return answer.status_code


def server_errors(codes):
    return [what for what, code in codes.items() if code >= 500]


@pytest.fixture
def operations(client, owner):
    """Address, method, query parameters and body fields of every operation of the API,
    from its own description."""
    dataset = make_dataset(owner=owner)
    job = Job.objects.create(owner=owner, dataset=dataset)
    places = {"{session_id}": str(dataset.pk), "{job_id}": str(job.pk)}
    schema = client.get("/openapi.json").json()
    found = []
    for path, methods in schema["paths"].items():
        for place, value in places.items():
            path = path.replace(place, value)
        for method, operation in methods.items():
            parameters = operation.get("parameters", [])
            query = [one["name"] for one in parameters if one["in"] == "query"]
            body = operation.get("requestBody", {}).get("content", {})
            name = body.get("application/json", {}).get("schema", {}).get("$ref", "")
            part = schema["components"]["schemas"].get(name.rpartition("/")[2], {})
            fields = list(part.get("properties", {}))
            found.append((path, method.upper(), query, fields, str(dataset.pk)))
    return found


def test_no_number_in_a_query_is_a_server_error(client, operations, bearer):
    codes = {
        (path, name, value[:9]): status_of(
            client, method, f"{path}?{name}={value}", b"{}", **bearer
        )
        for path, method, query, _, _ in operations
        for name in query
        for value in HUGE
    }

    assert len(codes) > 10 * len(HUGE)
    assert server_errors(codes) == []


def test_no_number_in_a_body_is_a_server_error(client, operations, bearer):
    known = {"event": '"log"', "step": "1", "steps": "2"}
    codes = {
        (path, name, value[:9]): status_of(
            client, method, path,
            body_of({**known, "session_id": f'"{session}"', name: value}, fields),
            **bearer,
        )
        for path, method, _, fields, session in operations
        for name in fields
        for value in HUGE
    }  # fmt: skip

    assert len(codes) > 30 * len(HUGE)
    assert server_errors(codes) == []


def body_of(values, fields):
    pairs = [f'"{name}":{value}' for name, value in values.items() if name in fields]
    return f"{{{','.join(pairs)}}}".encode()


@pytest.mark.parametrize("path", ["/jobs", "/plan"])
def test_no_training_setting_is_a_server_error(client, owner, bearer, path):
    dataset = make_dataset(owner=owner)
    start = f'{{"session_id":"{dataset.pk}","training_config":'

    codes = {
        (option.name, value[:9]): status_of(
            client, "POST", path, f'{start}{{"{option.name}":{value}}}}}', **bearer
        )
        for option in OPTIONS
        for value in HUGE
    }

    assert {what for what, code in codes.items() if code != 400} == set()


NUMBERS_OF = {
    "page-data": list(RowsForm.base_fields),
    "page-problems": ["page", "kind"],
    "page-training": [option.name for option in OPTIONS],
    "page-jobs": ["page"],
    "page-repair": ["do", "tokens", "least", "most"],
    "page-row": ["model", "page"],
}


@pytest.mark.parametrize("name", NUMBERS_OF)
def test_no_number_on_a_page_is_a_server_error(client, owner, arguments, name):  # noqa: F811
    client.force_login(owner)
    address = address_of(name, arguments)

    codes = {
        (field, value[:9]): status_of(client, "GET", f"{address}?{field}={value}")
        for field in NUMBERS_OF[name]
        for value in HUGE[:2]
    }

    assert server_errors(codes) == []


@pytest.mark.parametrize("name", ["page-row", "page-revoke-token"])
@pytest.mark.parametrize("value", [value for value in HUGE if value.isdigit()])
def test_no_number_in_an_address_is_a_server_error(
    client, owner, arguments, name, value  # noqa: F811
):  # fmt: skip
    client.force_login(owner)
    at = address_of(name, {**arguments, "number": 77, "token_id": 77})

    for method in ("GET", "POST"):
        path = at.replace("/77/", f"/{value}/")
        assert status_of(client, method, path) in {404, 405}
