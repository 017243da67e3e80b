"""What an attacker sends: to other people's data, to the browser, to the server."""

import gzip
import json
import random
import re
import string
import uuid

import pytest
from django.test import Client

from datasets.models import Dataset
from jobs.models import Job
from slmgen.identity.services import token_for
from tests.factories import make_dataset, make_file
from tests.test_access import NEED
from tests.test_every_route import address_of, routes
from tests.test_markup import TRICKS

pytestmark = pytest.mark.django_db


@pytest.fixture
def bearer(owner):
    token = token_for(username="owner", password="owner-password")
    return {"HTTP_AUTHORIZATION": f"Bearer {token}"}


# CSRF


CSRF_TARGETS = ["/app/", "/app/theme/", "/app/account/login/", "/app/account/signup/"]


@pytest.mark.parametrize("path", CSRF_TARGETS)
def test_an_anonymous_cookie_does_not_stand_in_for_a_csrf_token(path):
    client = Client(enforce_csrf_checks=True)
    client.get("/app/")  # sets the cookie that a browser would send along
    client.cookies["sessionid"] = "a" * 32

    answer = client.post(path, {"sample": "support", "theme": "dark"})

    assert answer.status_code == 403
    assert Dataset.objects.count() == 0


def test_a_session_does_not_stand_in_for_a_csrf_token(owner):
    client = Client(enforce_csrf_checks=True)
    client.force_login(owner)
    job = Job.objects.create(owner=owner, dataset=make_dataset(owner=owner))

    for part in ("", "delete/", "secret/"):
        answer = client.post(f"/app/jobs/{job.id}/{part}", {"status": "running"})

        assert answer.status_code == 403
    job.refresh_from_db()
    assert job.status == Job.Status.CREATED


def test_the_api_takes_no_session_so_that_no_form_can_use_one(owner):
    client = Client(enforce_csrf_checks=True)
    client.force_login(owner)
    job = Job.objects.create(owner=owner, dataset=make_dataset(owner=owner))

    assert client.delete(f"/jobs/{job.id}").status_code == 401
    assert client.post("/upload", {"file": make_file()}).status_code == 200
    assert Dataset.objects.filter(owner=owner).count() == 1  # nobody's, not theirs


# Open redirect, path traversal, header injection


@pytest.mark.parametrize(
    "target",
    ["https://evil.example/", "//evil.example", "/\\evil.example", "\tjavascript:1"],
)
def test_no_link_leads_out_of_here(client, owner, target):
    theme = client.post("/app/theme/", {"theme": "dark", "next": target})
    login = client.post(
        f"/app/account/login/?next={target}",
        {"login": "owner", "password": "owner-password", "next": target},
    )

    for answer in (theme, login):
        assert answer.status_code == 302
        assert answer["Location"].startswith("/app/")


TRAVERSAL = [
    "../../etc/passwd", "..%2f..%2fetc%2fpasswd", "....//....//etc/passwd",
    "%2e%2e/%2e%2e/settings.py", "slmgen.sqlite3", "..\\..\\secret_key", "%00",
]  # fmt: skip


OUR_NAMES = re.compile(
    r"original|examples\.jsonl|problems\.(?:jsonl|index)|index-[\w-]+"
)


@pytest.mark.parametrize("path", TRAVERSAL)
@pytest.mark.parametrize("before", ["/download/", "/data/", "/static/", "/models/"])
def test_no_path_leads_out_of_the_store(client, before, path):
    answer = client.get(before + path)

    assert answer.status_code == 404


@pytest.mark.parametrize(
    "name", ["../../evil.jsonl", "/etc/cron.d/x", "a\r\nSet-Cookie: x=1.jsonl",
             'a"; filename="b.html', "\u202eexe.lnosj", "x" * 400 + ".jsonl", ""],
)  # fmt: skip
def test_a_name_of_a_file_names_nothing_of_ours(client, files, name):
    answer = client.post("/upload", {"file": make_file(name=name or "x")})

    assert answer.status_code == 200
    shown = answer.json()["filename"]
    assert len(shown) <= 255
    assert not set(shown) & set("/\\\r\n\0")
    dataset = Dataset.objects.get()
    stored = [path.name for path in files.rglob("*") if path.is_file()]
    assert [one for one in stored if not OUR_NAMES.fullmatch(one)] == []
    export = client.get(f"/datasets/{dataset.id}/export")
    export.close()
    assert "Set-Cookie" not in export
    assert export["Content-Disposition"].startswith("attachment; filename=")
    assert "html" not in export["Content-Disposition"]


def test_a_wish_for_a_format_is_no_header(client):
    dataset = make_dataset()

    answer = client.get(f"/datasets/{dataset.id}/export?format=jsonl%0d%0aX-Evil:%201")

    assert answer.status_code == 400
    assert "X-Evil" not in answer


# Archive bomb


@pytest.mark.parametrize("layers", [1, 2])
def test_what_unpacks_without_end_is_refused_early(client, settings, files, layers):
    settings.SLMGEN_MAX_UPLOAD_BYTES = 5_000_000
    bomb = b"\n" * 200_000_000
    for _ in range(layers):
        bomb = gzip.compress(bomb)

    answer = client.post("/upload", {"file": make_file(bomb, "chat.jsonl.gz")})

    assert answer.status_code in {400, 413}
    assert [path for path in files.rglob("*") if path.is_file()] == []


# IDOR and mass assignment


DECIDED = {
    "owner": 2, "owner_id": 2, "id": str(uuid.uuid4()), "notebook_path": "/etc/passwd",
    "created_at": "2000-01-01T00:00:00Z", "is_staff": True, "filename": "x",
}  # fmt: skip


@pytest.mark.parametrize("name", DECIDED)
def test_what_the_server_decides_cannot_be_sent(client, owner, bearer, name):
    dataset = make_dataset(owner=owner)
    job = Job.objects.create(owner=owner, dataset=dataset)
    sent = {name: DECIDED[name]}

    made = client.post(
        "/jobs", json.dumps({"session_id": str(dataset.id), **sent}),
        "application/json", **bearer,
    )  # fmt: skip
    changed = client.patch(
        f"/jobs/{job.id}", json.dumps(sent), "application/json", **bearer
    )

    for answer in (made, changed):
        assert answer.status_code == 400
        assert answer.json()["detail"].startswith(f"Unknown field '{name}'")
    assert Job.objects.get() == job


def test_a_job_cannot_be_made_of_somebody_else_s_dataset(client, stranger, bearer):
    foreign = make_dataset(owner=stranger)

    for path in ("/jobs", "/generate", "/recommend", "/plan"):
        need = NEED if path == "/recommend" else {}
        body = json.dumps({**need, "session_id": str(foreign.id)})
        answer = client.post(path, body, "application/json", **bearer)

        assert answer.status_code == 404
    assert Job.objects.count() == 0


# A thousand requests of any kind


def _value(pick):
    kinds = [
        lambda: pick.choice([*TRICKS, *TRAVERSAL, "", "null", "-1", "1e999", "NaN"]),
        lambda: "".join(pick.choices(string.printable, k=pick.randint(1, 40))),
        lambda: "".join(chr(pick.randint(1, 0x2FFF)) for _ in range(9)),
        lambda: pick.choice([0, -1, 2**63, 1.5, True, None, [], {}, [[]], {"a": {}}]),
        lambda: str(uuid.UUID(int=pick.getrandbits(128), version=4)),
    ]
    return pick.choice(kinds)()


KNOWN = ["session_id", "model_id", "task_type", "training_config", "status", "page",
         "mapping", "repairs", "gpu", "languages", "username", "password"]  # fmt: skip


def _request(pick, arguments):
    name, pattern = pick.choice(list(routes()))
    keys = set(pattern.converters)
    values = {**arguments, "object_id": 1, "app_label": "jobs", "token": "x.y"}
    try:
        path = address_of(name, {**{key: _value(pick) for key in keys}, **values})
    except Exception:  # noqa: BLE001  # converters refuse random values each in its own way
        path = "/" + "".join(pick.choices(string.ascii_letters + "/.%", k=12))
    fields = {pick.choice(KNOWN): _value(pick) for _ in range(pick.randint(0, 4))}
    bodies = {
        "application/json": json.dumps(fields),
        "application/x-www-form-urlencoded": "&".join(
            f"{k}={v}" for k, v in fields.items()
        ),
        "multipart/form-data; boundary=b": "--b\r\nContent-Disposition: form-data; "
        f'name="file"; filename="{_value(pick)}"\r\n\r\n{_value(pick)}\r\n--b--\r\n',
        "text/plain": str(_value(pick)),
    }
    kind = pick.choice(list(bodies))
    method = pick.choice(
        ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "X"]
    )
    query = "&".join(f"{pick.choice(KNOWN)}={_value(pick)}" for _ in range(2))
    query = query.encode("ascii", "replace").decode()
    return method, path, bodies[kind].encode("utf-8", "replace"), kind, query


@pytest.mark.parametrize("seed", range(10))
def test_a_thousand_random_requests_make_no_server_error(
    client, owner, bearer, seed
):  # fmt: skip
    """A hundred for each seed: signed in, by token and as nobody."""
    pick = random.Random(seed)
    dataset = make_dataset(owner=owner)
    job = Job.objects.create(owner=owner, dataset=dataset)
    arguments = {
        "dataset_id": dataset.id, "session_id": dataset.id, "job_id": job.id,
    }  # fmt: skip
    client.force_login(owner)
    client.raise_request_exception = False
    for _ in range(100):
        method, path, body, kind, query = _request(pick, arguments)
        headers = bearer if pick.random() < 0.5 else {}

        answer = client.generic(method, path, body, kind, QUERY_STRING=query, **headers)

        answer.close()
        assert answer.status_code < 500, (method, path, body, kind, query)
