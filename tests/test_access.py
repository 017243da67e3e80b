"""Who may see what: every endpoint for nobody, the owner, a stranger, a bad token, and
for API tokens of the owner."""

import json
import re

import pytest

from datasets.models import Kind, WorkItem
from jobs.models import Job
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
CREDENTIALS = {"username": "owner", "password": "owner-password"}
MAPPING = {"mapping": {"messages": "messages"}}
REPAIRS = {"repairs": [{"kind": "normalize"}]}

MATRIX = [
    ("info", "GET", "/", None, OPEN),
    ("health", "GET", "/health", None, OPEN),
    ("ready", "GET", "/health/ready", None, OPEN),
    ("token", "POST", "/auth/token", CREDENTIALS, OPEN),
    ("upload", "POST", "/upload", None, {**OPEN, "nobody": 400, "owner": 400,
                                         "stranger": 400}),
    ("analyze", "GET", "/analyze/{dataset}", None, OWNED),
    ("preview", "GET", "/preview/{dataset}", None, OWNED),
    ("distribution", "GET", "/preview/{dataset}/distribution", None, OWNED),
    ("duplicates", "GET", "/preview/{dataset}/duplicates", None, OWNED),
    ("dataset", "PATCH", "/datasets/{dataset}", {"filename": "a.jsonl"}, OWNED),
    ("dataset", "DELETE", "/datasets/{dataset}", None, {**OWNED, "owner": 204}),
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


VARYING = {"X-Request-ID": ""}
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
    tokens = {
        "owner": token_for(username="owner", password="owner-password"),
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


def answer_to(client, owner, row, headers):
    """The response to a row's request about things of the owner."""
    name, method, path, body, _ = row
    text = json.dumps(body) if body else ""
    values = _values(client, owner, path + text)
    for place, value in values.items():
        path, text = path.replace(place, value), text.replace(place, value)
    content_type = (
        "multipart/form-data; boundary=b" if name == "upload" else "application/json"
    )
    response = client.generic(method, path, text, content_type, **headers)
    response.close()  # a file that nobody reads
    return response


def _values(client, owner, wanted):
    """What is put in the places of an address: ids of the owner's things."""
    dataset = make_dataset(owner=owner)
    values = {
        "{dataset}": str(dataset.id),
        "{work}": str(WorkItem.objects.get(dataset=dataset, kind=Kind.ANALYSIS).pk),
    }
    if "{job}" in wanted:
        job = Job.objects.create(owner=owner, dataset=dataset)
        values["{job}"] = str(job.pk)
    if "{download}" in wanted:
        token = token_for(username="owner", password="owner-password")
        made = client.post(
            "/generate", {"session_id": str(dataset.id)}, "application/json",
            HTTP_AUTHORIZATION=f"Bearer {token}",
        ).json()  # fmt: skip
        values["{download}"] = made["download_url"]
    return values


@pytest.mark.parametrize("who", WHO)
@pytest.mark.parametrize("row", MATRIX, ids=lambda row: f"{row[0]}-{row[1]}")
def test_access(client, owner, people, row, who):
    response = answer_to(client, owner, row, people[who])

    assert response.status_code == expectation(row, who)
    if response.status_code == 401:
        assert response["WWW-Authenticate"] == 'Bearer realm="slmgen"'


BY_ID = [row for row in MATRIX if re.search(r"{[a-z]+}", f"{row[2]}{row[3]}")]
UNKNOWN = "5bcb8fe2-ea94-457e-98ea-8aedfdf10ad0"


@pytest.mark.parametrize("row", BY_ID, ids=lambda row: f"{row[0]}-{row[1]}")
def test_foreign_and_unknown_ids_are_answered_alike(client, owner, people, row):
    name, method, path, body, expected = row
    download = f"/download/slmgen-x-{UNKNOWN.replace('-', '')}.ipynb"
    path = re.sub(r"{(?!download)\w+}", UNKNOWN, path).replace("{download}", download)
    text = re.sub(r"{(dataset|job)}", UNKNOWN, json.dumps(body or {}))
    unknown = (name, method, path, json.loads(text), expected)

    foreign, missing = (
        answer_to(client, owner, one, people["stranger"]) for one in (row, unknown)
    )

    assert (foreign.status_code, foreign.content) == (404, missing.content)
    assert dict(foreign.headers) | VARYING == dict(missing.headers) | VARYING


def test_an_anonymous_dataset_is_opened_by_its_id(client, people):
    dataset = make_dataset()

    for headers in (people["nobody"], people["stranger"]):
        assert client.get(f"/analyze/{dataset.id}", **headers).status_code == 200


def test_a_session_cookie_is_no_token(client, owner):
    dataset = make_dataset(owner=owner)
    client.force_login(owner)

    assert client.get(f"/analyze/{dataset.id}").status_code == 404
    assert client.get("/jobs").status_code == 401
