import pytest

from tests.slmgen.accounts.people import PASSWORD


@pytest.fixture
def member(client, owner):
    """The owner, signed in by the page as people sign in."""
    owner.set_password(PASSWORD)
    owner.email = "owner@example.org"
    owner.save()
    client.post("/app/account/login/", {"login": "owner", "password": PASSWORD})
    return owner
