"""Who may see what: every endpoint for nobody, the owner, a stranger, a bad token, and
for API tokens of the owner."""

import json

import pytest
from django.urls import get_resolver

from datasets.models import Kind, WorkItem
from slmgen.identity.api_tokens import create_token
from slmgen.identity.services import token_for
from tests.factories import make_dataset

pytestmark = pytest.mark.django_db

# What each kind of caller is answered about the owner's objects.
OPEN = {"nobody": 200, "owner": 200, "stranger": 200, "bad token": 401}
OWNED = {"nobody": 404, "owner": 200, "stranger": 404, "bad token": 401}
PRIVATE = {"nobody": 401, "owner": 200, "stranger": 404, "bad token": 401}
HISTORY = {"nobody": 401, "owner": 200, "stranger": 200, "bad token": 401}
DELETED = {**PRIVATE, "owner": 204}
CREATED = {**PRIVATE, "owner": 201}
NOBODY = dict.fromkeys(PRIVATE, 401)
NEED = {"session_id": "{dataset}", "task_type": "qa", "deployment_target": "edge"}
MAPPING = {"mapping": {"messages": "messages"}}
REPAIRS = {"repairs": [{"kind": "normalize"}]}

MATRIX = [
    ("info", "GET", "/", None, OPEN),
    ("health", "GET", "/health", None, OPEN),
    ("ready", "GET", "/health/ready", None, OPEN),
    ("token", "POST", "/auth/token", {"username": "owner", "password": "pw"}, OPEN),
    ("upload", "POST", "/upload", None, {**OPEN, "nobody": 400, "owner": 400,
                                         "stranger": 400}),
    ("analyze", "GET", "/analyze/{dataset}", None, OWNED),
    ("preview", "GET", "/preview/{dataset}", None, OWNED),
    ("distribution", "GET", "/preview/{dataset}/distribution", None, OWNED),
    ("duplicates", "GET", "/preview/{dataset}/duplicates", None, OWNED),
    ("mapping", "GET", "/datasets/{dataset}/mapping", None, OWNED),
    ("mapping", "POST", "/datasets/{dataset}/mapping", MAPPING, OWNED),
    ("problems", "GET", "/datasets/{dataset}/problems", None, OWNED),
    ("profile", "GET", "/datasets/{dataset}/profile", None, OWNED),
    ("work", "GET", "/datasets/{dataset}/work", None, OWNED),
    ("work_item", "POST", "/datasets/{dataset}/work/{work}", None,
     {**OWNED, "owner": 409}),
    ("work_item", "DELETE", "/datasets/{dataset}/work/{work}", None,
     {**OWNED, "owner": 409}),
    ("insights", "GET", "/datasets/{dataset}/insights", None, OWNED),
    ("repairs", "POST", "/datasets/{dataset}/repairs", REPAIRS, OWNED),
    ("export", "GET", "/datasets/{dataset}/export", None, OWNED),
    ("recommend", "POST", "/recommend", NEED, OWNED),
    ("explain", "POST", "/recommend/explain", NEED, OWNED),
    ("suggest", "GET", "/datasets/{dataset}/suggest", None, OWNED),
    ("contexts", "GET", "/datasets/{dataset}/contexts", None, OWNED),
    ("models", "GET", "/models", None, OPEN),
    ("model", "GET", "/models/qwen3-0.6b", None, OPEN),
    ("plan", "POST", "/plan", {"session_id": "{dataset}"}, OWNED),
    ("data", "GET", "/data/malformed", None, {**OPEN, "nobody": 404, "owner": 404,
                                              "stranger": 404}),
    ("generate", "POST", "/generate", {"session_id": "{dataset}"}, OWNED),
    ("download", "GET", "{download}", None, OWNED),
    ("jobs", "GET", "/jobs", None, HISTORY),
    ("jobs", "POST", "/jobs", {"session_id": "{dataset}"}, CREATED),
    ("job", "GET", "/jobs/{job}", None, PRIVATE),
    ("job", "PATCH", "/jobs/{job}", {"status": "running"}, PRIVATE),
    ("training", "GET", "/jobs/{job}/training", None, PRIVATE),
    ("training_events", "GET", "/jobs/{job}/training/events", None, PRIVATE),
    ("training_stream", "GET", "/jobs/{job}/training/stream", None, PRIVATE),
    ("training_secret", "POST", "/jobs/{job}/training/secret", None, CREATED),
    ("training_secret", "DELETE", "/jobs/{job}/training/secret", None, DELETED),
    ("report_training", "POST", "/training/events", {}, NOBODY),
    ("job", "DELETE", "/jobs/{job}", None, DELETED),
]  # fmt: skip


WHO = ["nobody", "owner", "stranger", "bad token", "API token", "reading token"]
# These ask for a secret of their own, whatever token is sent.
WITHOUT_TOKENS = {"report_training"}


def expectation(row, who):
    """An API token is its user, but one that may only read is refused what writes."""
    name, method, _, _, expected = row
    if who == "reading token" and method != "GET" and name not in WITHOUT_TOKENS:
        return 403
    return expected["owner" if who in {"API token", "reading token"} else who]


@pytest.fixture
def people(owner, stranger):
    owner.set_password("pw")
    owner.save()
    tokens = {
        "owner": token_for(username="owner", password="pw"),
        "stranger": token_for(username="stranger", password="x-password"),
        "bad token": "bad",
        **{
            who: create_token(user=owner, name=who, scope=scope, days=7)[1]
            for who, scope in [("API token", "write"), ("reading token", "read")]
        },
    }
    headers = {
        name: {"HTTP_AUTHORIZATION": f"Bearer {token}"}
        for name, token in tokens.items()
    }
    return {"nobody": {}, **headers}


@pytest.mark.parametrize("who", WHO)
@pytest.mark.parametrize("row", MATRIX, ids=lambda row: f"{row[0]}-{row[1]}")
def test_access(client, owner, people, row, who):
    name, method, path, body, _ = row
    dataset = make_dataset(owner=owner)
    made = client.post(
        "/generate", {"session_id": str(dataset.id)}, "application/json",
        **people["owner"],
    ).json()  # fmt: skip
    job = client.get("/jobs", **people["owner"]).json()[0]["id"]
    values = {
        "{dataset}": str(dataset.id), "{job}": job, "{download}": made["download_url"],
        "{work}": str(WorkItem.objects.get(dataset=dataset, kind=Kind.ANALYSIS).pk),
    }  # fmt: skip
    text = json.dumps(body) if body else ""
    for place, value in values.items():
        path, text = path.replace(place, value), text.replace(place, value)
    content_type = (
        "multipart/form-data; boundary=b" if name == "upload" else "application/json"
    )

    response = client.generic(method, path, text, content_type, **people[who])

    response.close()  # a file that nobody reads
    assert response.status_code == expectation(row, who)
    if response.status_code == 401:
        assert response["WWW-Authenticate"] == 'Bearer realm="slmgen"'


def test_every_route_of_the_api_has_a_row():
    table = next(
        part for part in get_resolver().url_patterns if not part.pattern._route
    )

    assert {route.name for route in table.url_patterns} == {row[0] for row in MATRIX}


def test_foreign_and_unknown_ids_are_answered_alike(client, owner, people):
    foreign = make_dataset(owner=owner)
    unknown = "5bcb8fe2-ea94-457e-98ea-8aedfdf10ad0"

    answers = [
        client.get(f"/analyze/{key}", **people["stranger"]).content
        for key in (foreign.id, unknown, "malformed")
    ]

    assert len(set(answers)) == 1


def test_an_anonymous_dataset_is_opened_by_its_id(client, people):
    dataset = make_dataset()

    for headers in (people["nobody"], people["stranger"]):
        assert client.get(f"/analyze/{dataset.id}", **headers).status_code == 200


def test_a_session_cookie_is_no_token(client, owner):
    dataset = make_dataset(owner=owner)
    client.force_login(owner)

    assert client.get(f"/analyze/{dataset.id}").status_code == 404
    assert client.get("/jobs").status_code == 401
