"""Too many requests are answered 429; a client does not choose who is counted."""

import os
import sqlite3
import threading
import uuid
from contextlib import closing

import httpx
import pytest
from django.core.cache.backends.redis import RedisCache
from django.core.management import call_command
from django.db import connection, transaction

from slmgen.db.counting_cache import SharedCache
from slmgen.http import rate_limits
from slmgen.identity.services import token_for
from tests.conftest import started
from tests.factories import make_file, make_lines

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _limits(settings, monkeypatch):
    settings.SLMGEN_RATE_LIMITS = True
    settings.SLMGEN_RATES = {
        "requests": 6, "uploads": 4, "notebooks": 2, "refusals": 5,
    }  # fmt: skip
    monkeypatch.setattr(rate_limits, "time", lambda: 600_010.0)  # 50 seconds are left


def statuses(ask, count):
    return [ask().status_code for _ in range(count)]


def test_an_address_may_ask_half_as_often_as_an_account(client, owner):
    token = token_for(username="owner", password="owner-password")
    headers = {"HTTP_AUTHORIZATION": f"Bearer {token}"}

    assert statuses(lambda: client.get("/models"), 4) == [200, 200, 200, 429]
    assert statuses(lambda: client.get("/jobs", **headers), 7) == [200] * 6 + [429]


def test_the_answer_says_what_was_too_much_and_when_to_come_back(client):
    statuses(lambda: client.get("/models"), 3)

    refused = client.get("/models")

    assert refused["Retry-After"] == "51"
    assert refused.json() == {
        "detail": "More than 3 requests within a minute are too many; try again in "
        "51 seconds."
    }


def test_uploads_have_a_limit_of_their_own(client):
    def upload():
        return client.post("/upload", {"file": make_file()})

    assert statuses(upload, 3) == [200, 200, 429]
    assert client.get("/models").status_code == 200


def test_pages_are_counted_with_the_api_and_refused_by_a_page(client):
    statuses(lambda: client.get("/models"), 2)

    assert client.get("/app/models/").status_code == 200
    refused = client.get("/app/models/")

    assert (refused.status_code, refused["Retry-After"]) == (429, "51")
    assert refused["Content-Type"].startswith("text/html")


def test_a_new_minute_begins_at_nothing(client, monkeypatch):
    statuses(lambda: client.get("/models"), 4)

    monkeypatch.setattr(rate_limits, "time", lambda: 600_060.0)

    assert client.get("/models").status_code == 200


def test_health_is_never_refused(client):
    assert statuses(lambda: client.get("/health"), 20) == [200] * 20


def test_whoever_guesses_is_told_to_wait(client):
    answers = statuses(lambda: client.get("/jobs", HTTP_AUTHORIZATION="Bearer x"), 6)

    assert answers == [401] * 5 + [429]


def test_an_invented_forwarded_address_is_not_counted(client):
    number = iter(range(100))

    def ask():
        return client.get(
            "/models", HTTP_X_FORWARDED_FOR=f"203.0.113.{next(number)}"
        )  # fmt: skip

    assert statuses(ask, 4)[-1] == 429


def test_behind_a_proxy_each_client_is_counted(client, settings):
    settings.SLMGEN_TRUSTED_PROXIES = 1
    number = iter(range(100))

    def ask():
        return client.get(
            "/models", HTTP_X_FORWARDED_FOR=f"invented, 203.0.113.{next(number)}"
        )

    assert statuses(ask, 4)[-1] == 200


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("", "unknown"),
        ("<script>", "unknown"),
    ],
)
def test_what_is_counted_as_one_client(address, counted):
    assert rate_limits.network_of(address) == counted


def test_without_limits_nobody_is_counted(client, settings):
    settings.SLMGEN_RATE_LIMITS = False

    assert statuses(lambda: client.get("/models"), 9) == [200] * 9


@pytest.fixture
def shared(db):
    call_command("createcachetable", "counts")
    return SharedCache("counts", {"KEY_PREFIX": ""})


def test_the_shared_cache_counts_and_forgets(shared):
    assert [shared.count("a", 60) for _ in range(3)] == [1, 2, 3]
    assert shared.count("b", -1) == 1

    assert shared.forget_ended() == 1
    assert shared.count("a", 60) == 4


@pytest.mark.skipif(
    connection.vendor == "sqlite",
    reason="SQLite in memory refuses at once where a file would wait for its turn",
)
@pytest.mark.django_db(transaction=True)
def test_no_count_is_lost_between_threads(shared):
    def many():
        for _ in range(20):
            shared.count("a", 60)
        connection.close()

    threads = [threading.Thread(target=many) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert shared.count("a", 60) == 81


def test_a_database_that_does_not_answer_refuses_nobody(client, settings):
    absent = {
        "BACKEND": "slmgen.db.counting_cache.SharedCache",
        "LOCATION": "no_such_table",
    }
    settings.CACHES = {**settings.CACHES, "default": absent}

    with transaction.atomic():  # PostgreSQL refuses all that follows a failure
        answer = client.get("/jobs", HTTP_AUTHORIZATION="Bearer x")
        transaction.set_rollback(True)

    assert answer.status_code == 401


def test_a_plain_request_writes_nothing_and_an_upload_is_counted_for_all(
    client, settings, django_assert_num_queries, shared
):
    table = {"BACKEND": "slmgen.db.counting_cache.SharedCache", "LOCATION": "counts"}
    settings.CACHES = {**settings.CACHES, "default": table}

    with django_assert_num_queries(0):
        assert statuses(lambda: client.get("/health"), 1) == [200]
        assert statuses(lambda: client.get("/models"), 4) == [200, 200, 200, 429]

    client.post("/upload", {"file": make_file()})
    assert shared.count("rate:uploads:127.0.0.1:10000", 60) == 2


def test_a_reader_waits_for_no_writer(tmp_path):
    """The lock is held for as long as the clients ask; SQLite would wait 20 seconds."""
    with (
        started(tmp_path, SLMGEN_RATE_LIMITS="true") as (port, _),
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=15) as http,
        closing(sqlite3.connect(tmp_path / "slmgen.sqlite3")) as writer,
    ):
        made = http.post("/upload", files={"file": make_lines()}).json()
        paths = ["/models", "/app/models/", f"/preview/{made['session_id']}"]
        analyzed = http.get(paths[-1]).status_code
        writer.execute("BEGIN IMMEDIATE")
        answers = [http.get(path).status_code for path in paths]
        writer.rollback()

    assert analyzed == 200
    assert answers == [200, 200, 200]


@pytest.mark.skipif("REDIS_URL" not in os.environ, reason="Redis does not run")
def test_redis_counts_too():
    redis = RedisCache(os.environ["REDIS_URL"], {})
    key = f"rate:test:{uuid.uuid4()}"

    assert [rate_limits.count(redis, key) for _ in range(3)] == [1, 2, 3]


def test_a_redis_that_does_not_answer_refuses_nobody(client, settings):
    absent = {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": "redis://127.0.0.1:1/0",
    }
    settings.CACHES = {"default": absent, "requests": absent}

    assert client.get("/models").status_code == 200
