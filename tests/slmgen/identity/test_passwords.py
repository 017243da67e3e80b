"""Guessing an account's password is limited, whatever door and address it comes by."""

import time

import pytest
from allauth.account.models import EmailAddress
from asgiref.sync import async_to_sync
from django.contrib.auth import aauthenticate, authenticate
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from slmgen.audit.models import AuditEvent
from slmgen.errors import TooMany
from slmgen.identity import passwords

pytestmark = pytest.mark.django_db

RIGHT = "owner-password"


def by_api(login, password, address="192.0.2.1"):
    body = {"username": login, "password": password}
    return Client(REMOTE_ADDR=address).post("/auth/token", body, "application/json")


def by_page(login, password, address="192.0.2.1"):
    client = Client(REMOTE_ADDR=address)
    client.post("/app/account/login/", {"login": login, "password": password})
    return client


def opens_api(login, password, address):
    return by_api(login, password, address).status_code == 200


def opens_page(login, password, address):
    return "_auth_user_id" in by_page(login, password, address).session


def opens_admin(login, password, address):
    client = Client(REMOTE_ADDR=address)
    form = {"username": login, "password": password}
    client.post("/admin/login/?next=/admin/", form, follow=True)
    return "_auth_user_id" in client.session


def opens_for_code(login, password, address):
    try:
        return authenticate(None, username=login, password=password) is not None
    except TooMany:
        return False


def opens_for_async_code(login, password, address):
    try:
        found = async_to_sync(aauthenticate)(None, username=login, password=password)
    except TooMany:
        return False
    return found is not None


DOORS = [opens_api, opens_page, opens_for_code, opens_for_async_code]


def guess(door, login="owner", times=passwords.MAX_FAILURES):
    """Each guess comes from another address, as a botnet's do."""
    for n in range(times):
        assert not door(login, f"wrong-{n}", f"198.51.100.{n}")


@pytest.fixture
def later(monkeypatch):
    """Moves every clock of the process forward."""
    real = time.time

    def move(seconds):
        monkeypatch.setattr(time, "time", lambda: real() + seconds)

    return move


@pytest.mark.parametrize("entered", DOORS)
@pytest.mark.parametrize("guessed", DOORS)
def test_failures_at_one_door_lock_every_door(owner, guessed, entered):
    assert entered("owner", RIGHT, "203.0.113.1")

    guess(guessed)

    assert not entered("owner", RIGHT, "203.0.113.1")


def test_failures_at_several_doors_are_counted_together(owner):
    guess(opens_page, times=3)
    guess(opens_api, times=2)

    assert by_api("owner", RIGHT).status_code == 429


def test_the_admin_s_own_form_compares_no_password(admin_user):
    assert not opens_admin("admin", "password", "203.0.113.1")
    assert opens_page("admin", "password", "203.0.113.1")


def test_a_locked_account_is_429_with_the_seconds_to_wait(owner):
    guess(opens_api)

    answer = by_api("owner", RIGHT)

    seconds = int(answer["Retry-After"])
    assert 0 < seconds <= passwords.WINDOW_SECONDS + 1
    assert answer.status_code == 429
    assert answer.json() == {
        "detail": "Too many wrong passwords for this account; try again in "
        f"{seconds} seconds."
    }


def test_the_page_explains_a_locked_account(owner):
    guess(opens_api)

    form = {"login": "owner", "password": RIGHT}
    page = Client().post("/app/account/login/", form).content.decode()

    assert "Too many wrong passwords for this account; try again in" in page


@pytest.mark.parametrize("door", DOORS)
def test_the_lock_ends_by_itself(owner, later, door):
    guess(door)
    assert not door("owner", RIGHT, "203.0.113.1")

    later(passwords.WINDOW_SECONDS + 1)

    assert door("owner", RIGHT, "203.0.113.1")


def test_tries_during_the_lock_do_not_make_it_longer(owner, later):
    guess(opens_api)
    later(passwords.WINDOW_SECONDS - 1)
    assert by_api("owner", RIGHT)["Retry-After"] in {"1", "2"}

    later(passwords.WINDOW_SECONDS + 1)

    assert opens_api("owner", RIGHT, "203.0.113.1")


def test_right_passwords_are_not_counted(owner):
    for n in range(3 * passwords.MAX_FAILURES):
        assert opens_api("owner", RIGHT, f"203.0.113.{n}")


def test_a_right_password_forgets_no_failure(owner):
    guess(opens_api, times=passwords.MAX_FAILURES - 1)
    assert opens_api("owner", RIGHT, "203.0.113.1")

    guess(opens_api, times=1)

    assert not opens_api("owner", RIGHT, "203.0.113.1")


@pytest.mark.parametrize("spelling", ["OWNER", " owner ", "Owner"])
def test_another_spelling_of_a_name_is_the_same_account(owner, spelling):
    guess(opens_api, spelling)

    assert not opens_api("owner", RIGHT, "203.0.113.1")


def test_another_host_name_is_the_same_account(owner, settings):
    settings.ALLOWED_HOSTS = ["testserver"]
    for n in range(passwords.MAX_FAILURES):
        client = Client(HTTP_HOST=f"testserver:{9000 + n}", REMOTE_ADDR=f"192.0.2.{n}")
        client.post("/app/account/login/", {"login": "owner", "password": "wrong"})

    assert not opens_page("owner", RIGHT, "203.0.113.1")


def test_one_locked_account_locks_no_other(owner, stranger):
    guess(opens_api)

    assert opens_api("stranger", "x-password", "203.0.113.1")


def test_a_lock_does_not_tell_whether_the_account_exists(owner, later):
    """Neither by its answer nor by its work: no account is looked up, so the answer
    takes as long for one that exists."""
    answers, queries = [], []
    for login in ("owner", "nobody"):
        guess(opens_api, login)
        with CaptureQueriesContext(connection) as asked:
            answers.append(by_api(login, RIGHT))
        queries.append(len(asked))

    known, unknown = (
        (answer.status_code, *answer.json(), *sorted(answer.headers))
        for answer in answers
    )
    assert known == unknown
    assert known[0] == 429
    assert queries == [0, 0]


def test_every_failure_is_recorded_whatever_the_door(owner):
    opens_page("owner", "wrong", "192.0.2.1")
    opens_api("owner", "wrong", "192.0.2.1")

    events = AuditEvent.objects.values_list("actor_name", "action")
    assert list(events) == [("", "fail to sign in")] * 2


def test_a_new_password_ends_the_lock_of_its_account_alone(owner):
    """Anybody may add an address that is not theirs; it opens no lock until it is
    confirmed."""
    client = by_page("owner", RIGHT)
    client.post("/app/account/email/", {"action_add": "", "email": "eve@example.org"})
    assert EmailAddress.objects.filter(user=owner, email="eve@example.org").exists()
    guess(opens_api)
    guess(opens_api, "eve@example.org")

    new = {"password1": "another-good-one", "password2": "another-good-one"}
    client.post("/app/account/password/change/", {"oldpassword": RIGHT, **new})

    assert opens_api("owner", "another-good-one", "203.0.113.1")
    assert by_api("eve@example.org", "x").status_code == 429
