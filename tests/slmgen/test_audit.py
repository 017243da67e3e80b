"""Who did what to what is kept, and nothing of what was in it."""

import pytest

from jobs.models import Job
from jobs.services import delete_job
from slmgen.audit.models import AuditEvent
from slmgen.identity.api_tokens import create_token, revoke
from tests.factories import jsonl, make_conversation, make_dataset

pytestmark = pytest.mark.django_db

CANARY = "canary-51c9"


def events():
    return list(
        AuditEvent.objects.order_by("id").values_list("actor_name", "action", "kind")
    )


def test_what_users_do_is_kept(owner):
    make_dataset()
    dataset = make_dataset(owner=owner)
    delete_job(Job.objects.create(owner=owner, dataset=dataset), by=owner)
    row, _ = create_token(user=owner, name=CANARY, scope="read", days=7)
    assert revoke(row.pk, user=owner)

    assert events() == [
        ("", "upload", "dataset"),
        ("owner", "upload", "dataset"),
        ("owner", "delete", "job"),
        ("owner", "make", "API token"),
        ("owner", "revoke", "API token"),
    ]


def test_what_users_do_with_their_accounts_is_kept(client, owner):
    form = {"login": "owner", "password": "owner-password"}
    client.post("/app/account/login/", form)
    b"".join(client.get("/app/account/export/"))
    client.post("/app/account/delete/", {"password": "owner-password"})

    assert events() == [
        ("owner", "sign in", "server"),
        ("owner", "export", "user"),
        ("owner", "delete", "user"),
    ]


def test_a_failed_sign_in_is_kept_without_the_name_that_was_tried(client, owner):
    form = {"login": "owner", "password": CANARY}

    client.post("/app/account/login/", form)

    assert events() == [("", "fail to sign in", "server")]


def test_no_content_and_no_name_of_a_file_is_kept():
    make_dataset(jsonl([make_conversation(CANARY)]), name=f"{CANARY}.jsonl")

    event = AuditEvent.objects.get()

    assert CANARY not in str(vars(event))


def test_nobody_changes_or_deletes_what_was_kept(client, admin_user):
    make_dataset()
    event = AuditEvent.objects.get()
    client.force_login(admin_user)
    address = f"/admin/audit/auditevent/{event.pk}"

    assert client.get(f"{address}/change/").status_code == 200
    assert client.post(f"{address}/change/", {"action": "x"}).status_code in {403, 404}
    assert client.post(f"{address}/delete/", {"post": "yes"}).status_code in {403, 404}
    assert AuditEvent.objects.get().action == "upload"
