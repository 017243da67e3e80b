import hashlib
import re
from datetime import timedelta

import pytest
from django.utils import timezone

from datasets.models import Dataset
from slmgen.errors import InvalidInput
from slmgen.identity import api_tokens
from slmgen.identity.models import ApiToken
from tests.factories import make_dataset, make_file

pytestmark = pytest.mark.django_db

REFUSED = {"detail": "Invalid or expired token."}


def make(user, scope="write", days=90, name="CI server"):
    return api_tokens.create_token(user=user, name=name, scope=scope, days=days)


def bearer(token):
    return {"HTTP_AUTHORIZATION": f"Bearer {token}"}


def test_a_token_is_known_to_scanners_by_its_form(owner):
    token = make(owner)[1]

    assert re.fullmatch(r"slm_pat_[0-9A-Za-z]{49}", token)
    assert token != make(owner)[1]


def test_only_a_hash_is_stored(owner):
    row, token = make(owner)

    assert row.hash == hashlib.sha256(token.encode()).hexdigest()
    stored = [str(value) for value in vars(ApiToken.objects.get()).values()]
    assert not any(token[8:] in value for value in stored)


def test_a_token_opens_the_api_in_its_user_s_name(client, owner):
    dataset = make_dataset(owner=owner)
    token = make(owner)[1]

    assert client.get(f"/analyze/{dataset.id}", **bearer(token)).status_code == 200
    assert client.get("/jobs", **bearer(token)).json() == []


def test_what_is_uploaded_by_a_token_is_its_user_s(client, owner):
    body = {"file": make_file()}

    client.post("/upload", body, **bearer(make(owner)[1]))

    assert Dataset.objects.get().owner == owner


@pytest.mark.parametrize("mode", ["own", "supabase"])
def test_it_is_taken_beside_every_kind_of_jwt(client, owner, settings, mode):
    if mode == "supabase":
        settings.SUPABASE_JWT_SECRET = "s" * 40

    assert client.get("/jobs", **bearer(make(owner)[1])).status_code == 200


def test_a_token_that_may_read_may_not_write(client, owner):
    dataset = make_dataset(owner=owner)
    headers = bearer(make(owner, scope="read")[1])
    body = {"session_id": str(dataset.id)}

    answer = client.post("/jobs", body, "application/json", **headers)

    assert answer.status_code == 403
    assert answer.json() == {
        "detail": "This token may only read, and POST writes; make one that may read "
        "and write on your account page."
    }
    assert client.get("/jobs", **headers).json() == []


def test_a_forbidden_method_says_nothing_about_what_exists(client, owner):
    headers = bearer(make(owner, scope="read")[1])
    known = make_dataset(owner=owner).id

    answers = [
        client.delete(f"/jobs/{key}", **headers).content
        for key in (known, "5bcb8fe2-ea94-457e-98ea-8aedfdf10ad0", "x")
    ]

    assert len(set(answers)) == 1


def expired(row):
    ApiToken.objects.update(expires_at=timezone.now())


def revoked(row):
    api_tokens.revoke(row, by=row.user)


def user_switched_off(row):
    row.user.is_active = False
    row.user.save()


def user_deleted(row):
    row.user.delete()


@pytest.mark.parametrize("end", [expired, revoked, user_switched_off, user_deleted])
def test_a_token_that_has_ended_is_401(client, owner, end):
    row, token = make(owner)
    assert client.get("/jobs", **bearer(token)).status_code == 200

    end(row)

    answer = client.get("/jobs", **bearer(token))
    assert (answer.status_code, answer.json()) == (401, REFUSED)
    assert answer["WWW-Authenticate"] == 'Bearer realm="slmgen"'


def other_character(token):
    return token[:20] + ("a" if token[20] != "a" else "b") + token[21:]


@pytest.mark.parametrize(
    "change",
    [
        other_character,
        str.upper,
        lambda token: token[:-1],
        lambda token: token + "0",
        lambda token: "slm_pat_",
        lambda token: "slm_pat_" + "0" * 49,
        lambda token: hashlib.sha256(token.encode()).hexdigest(),
    ],
)
def test_an_unknown_token_is_the_same_401(client, owner, change):
    answer = client.get("/jobs", **bearer(change(make(owner)[1])))

    assert (answer.status_code, answer.json()) == (401, REFUSED)


def test_a_mistyped_token_is_not_looked_up(client, owner, django_assert_num_queries):
    token = other_character(make(owner)[1])

    with django_assert_num_queries(0):
        client.get("/health", **bearer(token))


def test_the_last_use_is_kept_by_the_minute(client, owner, django_assert_num_queries):
    token = make(owner)[1]
    client.get("/health", **bearer(token))
    first = ApiToken.objects.get().last_used_at
    assert first is not None

    with django_assert_num_queries(1):
        client.get("/health", **bearer(token))

    ApiToken.objects.update(last_used_at=first - timedelta(minutes=2))
    client.get("/health", **bearer(token))
    assert ApiToken.objects.get().last_used_at >= first


def test_a_token_never_reports_a_training(client, owner):
    answer = client.post(
        "/training/events", {}, "application/json", **bearer(make(owner)[1])
    )

    assert answer.status_code == 401


def test_the_token_is_not_logged(client, owner, caplog):
    token = make(owner, scope="read")[1]

    with caplog.at_level("DEBUG"):
        client.get("/jobs", **bearer(token))
        client.post("/jobs", {}, "application/json", **bearer(token))
        client.get("/jobs", **bearer(other_character(token)))

    assert token[8:20] not in caplog.text


def test_a_user_has_a_bounded_number(owner, monkeypatch):
    monkeypatch.setattr(api_tokens, "MAX_TOKENS", 2)
    row, _ = make(owner)
    make(owner)

    with pytest.raises(InvalidInput, match="You have 2 tokens; revoke one"):
        make(owner)

    revoked(row)
    make(owner)


def test_an_own_jwt_ends_with_its_account(client, owner):
    body = {"username": "owner", "password": "owner-password"}
    token = client.post("/auth/token", body, "application/json").json()["access_token"]
    owner.delete()

    answer = client.get("/jobs", **bearer(token))

    assert (answer.status_code, answer.json()) == (401, REFUSED)


def test_the_schema_says_how_a_token_is_sent_and_where_it_is_refused(client):
    schema = client.get("/openapi.json").json()

    scheme = schema["components"]["securitySchemes"]["bearerAuth"]
    assert "slm_pat_" in scheme["description"]
    jobs = schema["paths"]["/jobs"]
    assert "403" in jobs["post"]["responses"]
    assert "403" not in jobs["get"]["responses"]
    assert "403" not in schema["paths"]["/training/events"]["post"]["responses"]
