"""Whatever a field of a request holds, the answer is no 500, and a refusal is one
sentence with the field and what was found in it."""

import json
import re
from urllib.parse import urlencode

import pytest
from django.core.cache import cache
from drf_spectacular.generators import SchemaGenerator

from datasets.models import Kind, WorkItem
from jobs.models import Job
from jobs.serializers import NOT_STORED
from jobs.training.runs import new_secret
from notebooks.core.planning.settings import OPTIONS
from notebooks.serializers import GenerateDocumentedSerializer, GenerateSerializer
from slmgen.identity.services import token_for
from tests.factories import make_dataset
from tests.test_access import CREDENTIALS, MAPPING, NEED, REPAIRS

pytestmark = pytest.mark.django_db

JSON = "application/json"
LONG = "x" * 900_000
SESSION = {"session_id": "{dataset}"}
BODIES = {
    ("POST", "/auth/token"): CREDENTIALS,
    ("POST", "/datasets/{session_id}/mapping"): MAPPING,
    ("POST", "/datasets/{session_id}/repairs"): REPAIRS,
    ("POST", "/recommend"): NEED,
    ("POST", "/recommend/explain"): NEED,
    ("POST", "/plan"): SESSION,
    ("POST", "/generate"): SESSION,
    ("POST", "/jobs"): SESSION,
    ("PATCH", "/jobs/{job_id}"): {},
    ("PATCH", "/datasets/{session_id}"): {},
}
# What a trainer logs is its own: only these of its fields are judged.
REPORTS = ("POST", "/training/events")
QUERIES = {
    ("GET", "/preview/{session_id}"),
    ("GET", "/datasets/{session_id}/problems"),
    ("GET", "/datasets/{session_id}/export"),
    ("GET", "/download/{filename}"),
    ("GET", "/jobs"),
    ("GET", "/jobs/{job_id}/training/events"),
    ("GET", "/jobs/{job_id}/training/stream"),
    ("DELETE", "/jobs/{job_id}"),
}
VALUES = {
    "a list": [], "a list of lists": [["x"]], "an object": {"x": {}}, "null": None,
    "a word": "\u202e<b>", "a long text": LONG, "a huge number": 10**400, "a half": 0.5,
    "below": -(10**12), "true": True,
}  # fmt: skip
# By type in the schema: what never fits it.
MISFITS = {
    "string": {"a list", "a list of lists", "an object", "true"},
    "integer": set(VALUES),
    "number": set(VALUES) - {"a half"},
    "boolean": set(VALUES) - {"true"},
    "array": set(VALUES) - {"a list"},
    "object": {"a list", "a list of lists", "a word", "a long text", "a huge number",
               "a half", "below", "true"},
}  # fmt: skip


@pytest.fixture(scope="module")
def schema():
    return SchemaGenerator().get_schema(request=None, public=True)


def fields_of(schema, method, path):
    """The fields of a body, each with its type in the schema."""
    body = schema["paths"][path][method.lower()]["requestBody"]
    reference = body["content"][JSON]["schema"]["$ref"]
    found = schema["components"]["schemas"][reference.rpartition("/")[2]]
    fields = found["properties"].items()
    return {name: _type(part) for name, part in fields if name not in NOT_STORED}


def _type(part):
    kind = part.get("type", "object")
    return kind if isinstance(kind, str) else kind[0]


@pytest.fixture
def send(client, owner):
    """Sends a body or a query as the owner; ids in it are filled in."""
    dataset = make_dataset(owner=owner)
    job = Job.objects.create(owner=owner, dataset=dataset)
    token = token_for(username="owner", password="owner-password")

    def sent(method, path, body=None, query=None, token=token):
        cache.clear()  # or the limit on tokens would answer
        path = path.replace("{session_id}", str(dataset.id))
        path = path.replace("{job_id}", str(job.id))
        text = json.dumps(body or {}).replace("{dataset}", str(dataset.id))
        response = client.generic(
            method, path, text, JSON, QUERY_STRING=urlencode(query or {}),
            HTTP_AUTHORIZATION=f"Bearer {token}",
        )  # fmt: skip
        response.close()
        return response

    sent.job = job
    return sent


def assert_sentence(response, field, value):
    """A refusal that names the field and quotes no more than a line of the value."""
    assert response.status_code == 400, (field, response.content[:300])
    answer = response.json()
    assert list(answer) == ["detail"]
    sentence = answer["detail"]
    assert re.search(rf"\b{field}\b", sentence), sentence
    assert "x" * 61 not in sentence
    assert "\u202e" not in sentence
    assert len(sentence) < 2_000
    if isinstance(value, str) and field != "password":
        assert value[:3].encode("unicode_escape").decode() in sentence


@pytest.mark.parametrize(("method", "path"), BODIES, ids=lambda part: part)
@pytest.mark.parametrize("name", VALUES)
def test_a_field_of_a_body_is_refused_in_a_sentence(send, schema, method, path, name):
    for field, kind in fields_of(schema, method, path).items():
        body = {**BODIES[method, path], field: VALUES[name]}

        response = send(method, path, body)

        assert response.status_code < 500, field
        if name in MISFITS[kind]:
            if field in may_be_null(path) and VALUES[name] is None:
                continue
            assert_sentence(response, field, VALUES[name])


def may_be_null(path):
    """Null stands for the default there."""
    if path == "/jobs":
        return {"selected_model_id"}
    return {"model_ids", "gpu"} if path in {"/plan", "/generate"} else set()


@pytest.mark.parametrize("option", [option.name for option in OPTIONS])
@pytest.mark.parametrize("path", ["/plan", "/generate", "/jobs"])
def test_a_setting_of_a_training_is_refused_in_a_sentence(send, path, option):
    for value in ([], {}, None, LONG, 10**400, -(10**400), "\u202e<b>"):
        body = {**SESSION, "training_config": {option: value}}

        response = send("POST", path, body)

        assert_sentence(response, option, value)
        assert "training_config" in response.json()["detail"]


REPAIR_FIELDS = {"kind": [None, [], {}, LONG, 10**400], "faults": ["x", {}, 1, [[]]],
                 "roles": ["x", [], 1, {"x": []}]}  # fmt: skip


@pytest.mark.parametrize("field", REPAIR_FIELDS)
def test_a_field_of_a_repair_is_refused_with_its_place(send, field):
    for value in REPAIR_FIELDS[field]:
        repairs = [{"kind": "normalize"}, {"kind": "normalize", field: value}]

        response = send("POST", "/datasets/{session_id}/repairs", {"repairs": repairs})

        assert_sentence(response, field, value)


def test_the_place_in_a_list_is_named(send):
    sent = {"repairs": [{"kind": "normalize"}, {"kind": []}, 5]}
    other = {"repairs": [{"kind": "normalize", "fault": []}, 5]}

    wrong, unknown, number = (
        send("POST", "/datasets/{session_id}/repairs", body).json()["detail"]
        for body in (sent, other, {"repairs": [5]})
    )

    assert wrong.startswith("repairs[1].kind is an empty list; expected one of drop_")
    assert unknown == (
        "repairs[0]: Unknown field 'fault'; did you mean 'faults'? Expected one of "
        "kind, faults, roles."
    )
    assert number == "repairs[0] is 5; expected an object."


@pytest.mark.parametrize("field", ["event", "step", "steps"])
def test_a_field_of_a_report_is_refused_in_a_sentence(send, field):
    secret = new_secret(send.job).token
    for name, value in VALUES.items():
        body = {"event": "log", "step": 1, "steps": 2, field: value}

        response = send(*REPORTS, body, token=secret)

        assert response.status_code == 400, name
        assert_sentence(response, field, value)


@pytest.mark.parametrize("name", VALUES)
def test_whatever_else_a_report_holds_is_no_failure(send, schema, name):
    secret = new_secret(send.job).token
    for field in fields_of(schema, *REPORTS):
        body = {"event": "log", "step": 1, "steps": 2, field: VALUES[name]}

        assert send(*REPORTS, body, token=secret).status_code in {204, 400}


QUERY_VALUES = ["x", "-2", "1.5", "null", "[]", "\0", "1" + "0" * 400, "\u202e<b>",
                "x" * 5_000, "1" * 5_000]  # fmt: skip


@pytest.mark.parametrize(("method", "path"), sorted(QUERIES))
def test_a_field_of_a_query_is_refused_in_a_sentence(send, schema, method, path):
    fields = schema["paths"][path][method.lower()]["parameters"]
    names = [field["name"] for field in fields if field["in"] == "query"]

    assert names
    for name in names:
        for value in QUERY_VALUES:
            assert_sentence(send(method, path, query={name: value}), name, value)


QUERY_ERRORS = [
    ("/preview/{session_id}", {"page_size": "0"},
     "page_size is '0'; expected a whole number from 1 to 100."),
    ("/preview/{session_id}", {"page": "two"},
     "page is 'two'; expected a whole number from 1 to 1,000,000,000."),
    ("/jobs", {"limit": "101"}, "limit is '101'; expected a whole number from 1 to "
                                "100."),
    ("/preview/{session_id}", {"page_sze": "100"},
     "Unknown field 'page_sze'; did you mean 'page_size'? Expected one of page, "
     "page_size."),
]  # fmt: skip


@pytest.mark.parametrize(("path", "query", "sentence"), QUERY_ERRORS)
def test_a_query_is_told_what_was_found_and_expected(send, path, query, sentence):
    assert send("GET", path, query=query).json() == {"detail": sentence}


def test_what_others_add_to_an_address_is_ignored(send):
    added = {"_": "1700000000", "utm_source": "x", "cachebust": "1"}

    assert send("GET", "/preview/{session_id}", query=added).status_code == 200


@pytest.mark.parametrize(("method", "path"), BODIES, ids=lambda part: part)
def test_an_unknown_field_is_refused_with_the_nearest(send, schema, method, path):
    known = next(iter(fields_of(schema, method, path)))
    typo = f"{known}s"

    near, far = (
        send(method, path, {**BODIES[method, path], name: "sent"}).json()["detail"]
        for name in (typo, "zzzz")
    )

    start = f"Unknown field '{typo}'; did you mean '{known}'? Expected one of "
    assert near.startswith(start), near
    assert far.startswith("Unknown field 'zzzz'; expected one of ")
    assert far.endswith(near.removeprefix(start))
    assert "sent" not in near + far


def test_a_password_is_repeated_nowhere(send):
    for body in (
        {**CREDENTIALS, "password": "secret" * 200},
        {**CREDENTIALS, "password": ["secret"]},
        {**CREDENTIALS, "password": True},
        {**CREDENTIALS, "pasword": "secret"},
    ):
        response = send("POST", "/auth/token", body)

        assert response.status_code == 400
        assert "password" in response.json()["detail"]
        assert "secret" not in response.json()["detail"]


def test_every_body_and_query_is_tried(schema):
    bodies, queries = set(), set()
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            place = (method.upper(), path)
            if JSON in operation.get("requestBody", {}).get("content", {}):
                bodies.add(place)
            if any(p["in"] == "query" for p in operation.get("parameters", [])):
                queries.add(place)

    assert bodies == {*BODIES, REPORTS}
    assert queries == QUERIES


def test_every_body_is_documented_as_closed(schema):
    schemas = schema["components"]["schemas"]
    for method, path in BODIES:
        body = schema["paths"][path][method.lower()]["requestBody"]
        name = body["content"][JSON]["schema"]["$ref"].rpartition("/")[2]

        assert schemas[name]["additionalProperties"] is False


def test_what_is_documented_of_generate_is_what_it_takes():
    documented, taken = GenerateDocumentedSerializer(), GenerateSerializer()

    assert set(documented.fields) == set(taken.fields)


def test_nothing_is_made_by_what_is_refused(send):
    items = WorkItem.objects.filter(kind=Kind.REPAIR).count()

    send("POST", "/datasets/{session_id}/repairs", {**REPAIRS, "dryrun": True})

    assert WorkItem.objects.filter(kind=Kind.REPAIR).count() == items
    assert WorkItem.objects.values("dataset").distinct().count() == 1
