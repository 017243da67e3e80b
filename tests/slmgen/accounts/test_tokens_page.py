import re

import pytest

from slmgen.identity.models import ApiToken

pytestmark = pytest.mark.django_db

PAGE = "/app/account/tokens/"
NEW = {"name": "night build", "scope": "write", "days": "30"}


def make(client, **changes):
    return client.post(PAGE, {**NEW, **changes})


def shown(answer):
    return re.findall(r"slm_pat_\w+", answer.content.decode())


def test_a_token_is_shown_once_and_opens_the_api(client, member):
    answer = make(client)
    (token,) = shown(answer)

    assert answer.status_code == 201
    assert "no-store" in answer["Cache-Control"]
    assert shown(client.get(PAGE)) == []
    header = {"HTTP_AUTHORIZATION": f"Bearer {token}"}
    assert client.get("/jobs", **header).status_code == 200


def test_the_list_says_what_a_token_may_and_when_it_ends(client, member):
    make(client, name="<b>CI</b>", scope="read", days="365")

    page = client.get(PAGE).content.decode()

    assert "&lt;b&gt;CI&lt;/b&gt;" in page
    assert '<td data-label="May">read</td>' in page
    assert '<td data-label="Last used">never</td>' in page
    row = ApiToken.objects.get()
    assert (row.expires_at - row.created_at).days in {364, 365}


@pytest.mark.parametrize(
    "bad", [{"name": ""}, {"scope": "admin"}, {"days": "99999"}, {"name": "x" * 101}]
)
def test_a_senseless_token_is_not_made(client, member, bad):
    answer = make(client, **bad)

    assert answer.status_code == 400
    assert '_error">' in answer.content.decode()
    assert ApiToken.objects.count() == 0


def test_a_revoked_token_opens_nothing_and_is_off_the_list(client, member):
    (token,) = shown(make(client))
    row = ApiToken.objects.get()

    page = client.post(f"{PAGE}{row.pk}/revoke/", follow=True).content.decode()

    assert "The token is revoked" in page
    assert "night build" not in page
    header = {"HTTP_AUTHORIZATION": f"Bearer {token}"}
    assert client.get("/jobs", **header).status_code == 401


def test_nobody_revokes_another_s_token(client, member, stranger):
    make(client)
    row = ApiToken.objects.get()
    client.force_login(stranger)

    answers = [
        client.post(f"{PAGE}{key}/revoke/").content.decode() for key in (row.pk, 10**6)
    ]

    hidden = [re.sub(r'value="\w{64}"|tokens/\d+', "", answer) for answer in answers]
    assert hidden[0] == hidden[1]
    assert "There is no token at this address" in hidden[0]
    row.refresh_from_db()
    assert row.revoked_at is None
    assert "night build" not in client.get(PAGE).content.decode()


def test_support_revokes_but_makes_none(client, member, admin_user):
    make(client)
    row = ApiToken.objects.get()
    client.force_login(admin_user)
    address = "/admin/identity/apitoken/"

    assert client.get(f"{address}add/").status_code in {403, 404}
    assert row.hash not in client.get(f"{address}{row.pk}/change/").content.decode()
    client.post(address, {"action": "revoke", "_selected_action": [str(row.pk)]})

    row.refresh_from_db()
    assert row.revoked_at is not None
