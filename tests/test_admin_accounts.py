"""Staff help users; they give no rights and open no account but their own."""

import pytest
from allauth.account.models import EmailAddress
from django.contrib.auth.models import Group, Permission, User

from slmgen.audit.models import AuditEvent

pytestmark = pytest.mark.django_db

NEW = "another-good-one"
EVERYTHING_ON_ACCOUNTS = (
    *("user", "group", "emailaddress", "socialaccount"),
    *("apitoken", "identity"),
)


@pytest.fixture
def support(client, django_user_model):
    """Staff with every permission on accounts, which is not every right."""
    user = django_user_model.objects.create_user("support", is_staff=True)
    names = Permission.objects.filter(content_type__model__in=EVERYTHING_ON_ACCOUNTS)
    user.user_permissions.set(names)
    client.force_login(user)
    return user


@pytest.fixture
def colleague(django_user_model):
    return django_user_model.objects.create_user(
        "colleague", password="x-password", is_staff=True
    )


def address_of(user, part="change/"):
    return f"/admin/auth/user/{user.pk}/{part}"


def form_of(client, user, **changes):
    """What the page's own form sends, with more that a person may write into it."""
    fields = {
        "username": user.username, "email": user.email, "is_active": "on",
        "date_joined_0": "2026-01-01", "date_joined_1": "00:00:00",
        "last_login_0": "", "last_login_1": "",
    }  # fmt: skip
    return client.post(address_of(user), {**fields, **changes})


RIGHTS = {"is_superuser": "on", "is_staff": "on"}


def rights_of(user):
    user = User.objects.get(pk=user.pk)
    return (
        user.is_superuser,
        user.is_staff,
        user.groups.count(),
        sorted(user.get_all_permissions()),
    )


def test_staff_give_themselves_no_rights(client, support):
    before = rights_of(support)
    group = Group.objects.create(name="all")
    content = [Permission.objects.get(codename="view_dataset_content").pk]

    answer = form_of(
        client, support, **RIGHTS, groups=[group.pk], user_permissions=content
    )

    assert answer.status_code == 404
    assert rights_of(support) == before


def test_staff_give_no_user_rights(client, support, owner):
    group = Group.objects.create(name="all")
    content = [Permission.objects.get(codename="view_dataset_content").pk]

    answer = form_of(
        client, owner, **RIGHTS, groups=[group.pk], user_permissions=content,
        first_name="Ada",
    )  # fmt: skip

    assert answer.status_code == 302
    assert User.objects.get(pk=owner.pk).first_name == "Ada"
    assert rights_of(owner) == (False, False, 0, [])


def test_staff_make_users_without_rights(client, support):
    form = {"username": "new", "password1": NEW, "password2": NEW, **RIGHTS}

    client.post("/admin/auth/user/add/", {**form, "usable_password": "true"})

    assert rights_of(User.objects.get(username="new")) == (False, False, 0, [])


def test_the_rule_for_names_holds_in_the_admin_too(client, support):
    form = {"password1": NEW, "password2": NEW, "usable_password": "true"}

    for name in ("adm\u0456n", "sb_5f0c"):
        client.post("/admin/auth/user/add/", {**form, "username": name})

    assert list(User.objects.all()) == [support]


@pytest.mark.parametrize("part", ["change/", "password/", "delete/"])
@pytest.mark.parametrize("who", ["admin", "colleague", "switched off"])
def test_staff_touch_no_account_of_support(
    client, support, admin_user, colleague, who, part
):
    target = admin_user if who == "admin" else colleague
    if who == "switched off":
        User.objects.filter(pk=target.pk).update(is_active=False)
    before = User.objects.values().get(pk=target.pk)
    form = {"password1": NEW, "password2": NEW, "post": "yes", "first_name": "x"}

    answer = client.post(address_of(target, part), form)

    assert answer.status_code == 404
    assert User.objects.values().get(pk=target.pk) == before


def test_staff_delete_no_account_of_support_from_the_list(
    client, support, owner, admin_user
):
    form = {
        "action": "delete_selected",
        "_selected_action": [owner.pk, admin_user.pk],
        "post": "yes",
    }

    client.post("/admin/auth/user/", form)

    assert User.objects.filter(pk__in=[owner.pk, admin_user.pk]).count() == 2


def test_staff_open_no_account_of_a_user(client, support, owner):
    """A password or an address that staff may set would show them the user's data."""
    password = owner.password
    new = {"password1": NEW, "password2": NEW, "usable_password": "true"}

    assert client.post(address_of(owner, "password/"), new).status_code == 404
    form_of(client, owner, username="mine", email="support@example.org", **new)

    owner.refresh_from_db()
    assert (owner.username, owner.email, owner.password) == ("owner", "", password)
    assert "password/" not in client.get(address_of(owner)).content.decode()


@pytest.mark.parametrize(
    "page", ["account/emailaddress", "socialaccount/socialaccount", "auth/group"]
)
def test_staff_see_ways_in_and_groups_but_change_none(client, support, page):
    assert client.get(f"/admin/{page}/").status_code == 200
    assert client.get(f"/admin/{page}/add/").status_code == 404
    assert "_selected_action" not in client.get(f"/admin/{page}/").content.decode()


def test_staff_confirm_no_address(client, support, owner):
    row = EmailAddress.objects.create(user=owner, email="support@example.org")
    form = {"action": "make_verified", "_selected_action": [row.pk]}

    client.post("/admin/account/emailaddress/", form)

    row.refresh_from_db()
    assert row.verified is False


def test_staff_switch_a_user_off_and_are_recorded(client, support, owner):
    form_of(client, owner, is_active="")

    owner.refresh_from_db()
    assert owner.is_active is False
    event = AuditEvent.objects.get()
    assert (event.actor, event.action, event.object_id) == (
        support, "change", str(owner.pk),
    )  # fmt: skip


def test_staff_delete_a_user(client, support, owner):
    client.post(address_of(owner, "delete/"), {"post": "yes"})

    assert not User.objects.filter(pk=owner.pk).exists()


def test_superusers_give_rights_and_passwords(client, admin_user, colleague):
    client.force_login(admin_user)
    new = {"password1": NEW, "password2": NEW, "usable_password": "true"}

    form_of(client, colleague, **RIGHTS)
    client.post(address_of(colleague, "password/"), new)

    colleague.refresh_from_db()
    assert (colleague.is_superuser, colleague.check_password(NEW)) == (True, True)
    actions = AuditEvent.objects.values_list("actor_name", "action")
    assert list(actions) == [("admin", "change")] * 2


def test_staff_change_their_password_where_everybody_does(client, support):
    answer = client.get("/admin/password_change/")

    assert answer["Location"] == "/app/account/password/change/"
