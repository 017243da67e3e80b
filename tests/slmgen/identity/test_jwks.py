import time

import msgspec
import pytest
from rest_framework.test import APIRequestFactory

from slmgen.errors import Unavailable
from slmgen.identity import jwks
from slmgen.identity.jwks import FetchFailed, KeyCache, fetcher, read_keys
from tests.slmgen.identity.conftest import public_entry, sign
from tests.slmgen.identity.test_hostile_tokens import WhoView, ask


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(jwks, "TIMEOUT_SECONDS", 0.3)


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


def cache_of(server):
    clock = Clock()
    return KeyCache(fetcher(server.url), clock), clock


def test_keys_are_fetched_once(key_server):
    cache, _ = cache_of(key_server)

    assert cache.key("ec") is not None
    assert cache.key("rsa") is not None
    assert key_server.fetches == 1


def test_invented_key_ids_cause_one_fetch(key_server):
    cache, clock = cache_of(key_server)
    cache.key("ec")
    clock.now += jwks.SECONDS_BETWEEN_FETCHES

    found = [cache.key(f"invented-{n}") for n in range(50)]

    assert found == [None] * 50
    assert key_server.fetches == 2


def test_a_rotated_key_is_found(key_server, ec_key, rsa_key, attacker_key):
    cache, clock = cache_of(key_server)
    cache.key("ec")
    key_server.publish({"new": attacker_key})
    clock.now += jwks.SECONDS_BETWEEN_FETCHES

    assert cache.key("new") is not None
    assert cache.key("ec") is None


BROKEN = {
    "an error": {"status": 500},
    "a redirect": {"status": 302, "headers": {"Location": "http://127.0.0.1:9/"}},
    "garbage": {"answer": b"<html>"},
    "another shape": {"answer": b'{"keys": [7]}'},
    "a list": {"answer": b"[]"},
    "a deep body": {"answer": b"[" * 100_000},
    "a huge body": {"answer": b'{"keys": []}' + b" " * 300_000},
    "nothing": {"answer": b""},
    "no keys": {"answer": b'{"keys": []}'},
    "no usable key": {"answer": b'{"keys": [{"kty": "oct", "k": "eA", "kid": "ec"}]}'},
}


@pytest.mark.parametrize("name", BROKEN)
def test_the_last_good_keys_outlive_a_broken_issuer(key_server, name):
    cache, clock = cache_of(key_server)
    cache.key("ec")
    for attribute, value in BROKEN[name].items():
        setattr(key_server, attribute, value)
    clock.now += jwks.SECONDS_BETWEEN_FETCHES

    assert cache.key("unknown") is None
    assert cache.key("ec") is not None


@pytest.mark.parametrize("name", BROKEN)
def test_without_any_keys_a_broken_issuer_is_unavailable(key_server, name):
    cache, _ = cache_of(key_server)
    for attribute, value in BROKEN[name].items():
        setattr(key_server, attribute, value)

    with pytest.raises(Unavailable):
        cache.key("ec")


@pytest.mark.django_db
def test_good_tokens_stay_good_while_the_issuer_publishes_no_key(
    key_server, ec_key, monkeypatch
):
    monkeypatch.setattr(jwks, "SECONDS_BETWEEN_FETCHES", 0)
    assert ask(sign(ec_key)).status_code == 200
    key_server.publish({})

    assert ask(sign(ec_key, kid="unknown")).status_code == 401
    assert key_server.fetches == 2
    assert ask(sign(ec_key)).status_code == 200


def test_keys_that_are_too_old_are_not_trusted(key_server):
    cache, clock = cache_of(key_server)
    cache.key("ec")
    key_server.status = 500
    clock.now += jwks.STALE_SECONDS + 1

    with pytest.raises(Unavailable):
        cache.key("ec")


def test_a_hanging_issuer_does_not_delay_known_keys(key_server, quick):
    cache, clock = cache_of(key_server)
    cache.key("ec")
    key_server.hang.clear()
    clock.now += jwks.FRESH_SECONDS + 1

    began = time.monotonic()
    found = [cache.key("ec") for _ in range(20)]

    assert all(found)
    assert time.monotonic() - began < 0.2


def test_a_hanging_issuer_is_given_up(key_server, quick):
    cache, _ = cache_of(key_server)
    key_server.hang.clear()

    began = time.monotonic()
    with pytest.raises(Unavailable):
        cache.key("ec")

    assert time.monotonic() - began < 2


@pytest.mark.django_db
def test_a_hanging_issuer_is_503_with_a_time_to_return(key_server, quick, ec_key):
    key_server.hang.clear()
    token = sign(ec_key)

    response = ask(token)

    assert response.status_code == 503
    assert response["Retry-After"] == "5"
    request = APIRequestFactory().get("/")
    assert WhoView.as_view()(request).status_code == 200


def test_keys_of_other_uses_are_left_out(ec_key):
    entry = public_entry(ec_key, "a")
    entries = [
        entry,
        {**entry, "kid": "b", "use": "enc"},
        {"kty": "oct", "k": "c2VjcmV0", "kid": "c"},
        {**entry, "kid": 7},
    ]

    assert list(read_keys(msgspec.json.encode({"keys": entries}))) == ["a"]


def test_no_answer_is_a_failed_fetch():
    with pytest.raises(FetchFailed):
        fetcher("http://127.0.0.1:9/jwks.json")()


SAFE = {
    "https://abc.supabase.co/jwks": True,
    "http://127.0.0.1:54321/jwks": True,
    "http://localhost/jwks": True,
    "http://[::1]/jwks": True,
    "http://abc.supabase.co/jwks": False,
    "http://127.0.0.1.evil.example/": False,
    "file:///etc/passwd": False,
    "https://": False,
}


@pytest.mark.parametrize("url", SAFE)
def test_keys_come_over_https_or_from_this_machine(url):
    assert jwks.is_safe(url) is SAFE[url]
