import hashlib
import os
from datetime import timedelta

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission
from django.contrib.sessions.models import Session
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from datasets.models import WorkItem
from datasets.work.engine import LostLease, claim_item, work_once
from datasets.work.results import analysis_of
from jobs.models import Job, TrainingRun
from jobs.services import record_notebook
from jobs.training.runs import new_secret
from notebooks.models import Notebook
from notebooks.services import generate_notebook
from recommender.services import catalog
from slmgen.audit.models import AuditEvent
from slmgen.audit.services import audit
from tests.factories import make_dataset, make_lines

pytestmark = pytest.mark.django_db

MODELS = sorted(
    (model for model in admin.site._registry if model._meta.app_label != "auth"),
    key=lambda model: model._meta.label,
)


@pytest.fixture
def pages(client, admin_user):
    client.force_login(admin_user)
    return client


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label)
def test_every_list_opens_with_rows(pages, owner, model):
    dataset = make_dataset(make_lines(60) + b"oops\n", owner=owner)
    Job.objects.create(owner=owner, dataset=dataset)
    address = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"

    response = pages.get(address)

    assert response.status_code == 200


def test_content_that_is_not_analyzed_yet_is_said_and_nothing_is_recorded(
    pages, settings
):
    settings.SLMGEN_INLINE_ANALYSIS_BYTES = -1
    dataset = make_dataset()
    address = f"/admin/datasets/dataset/{dataset.pk}/content/"

    answer = pages.post(address, {"page": 1})

    assert answer.status_code == 409
    assert "not analyzed yet" in answer.content.decode()
    assert not AuditEvent.objects.filter(action="open content").exists()
    work_once()
    assert pages.post(address, {"page": 1}).status_code == 200


def test_a_dataset_is_shown_without_its_content(pages):
    role = b'{"messages": [{"role": "secret-words", "content": "a"}]}\n'
    dataset = make_dataset(b'{"secret-words": 1}\n' + role + make_lines(60))

    page = pages.get(f"/admin/datasets/dataset/{dataset.id}/change/").content

    assert b"secret-words" not in page
    assert str(dataset.id).encode() in page


def test_a_selected_job_is_canceled_by_the_service(pages, owner):
    job = Job.objects.create(owner=owner, dataset=make_dataset(owner=owner))
    ended = Job.objects.create(
        owner=owner, dataset=job.dataset, status=Job.Status.COMPLETED
    )

    page = pages.post(
        "/admin/jobs/job/",
        {"action": "cancel", "_selected_action": [str(job.id), str(ended.id)]},
        follow=True,
    )

    job.refresh_from_db()
    assert job.status == Job.Status.CANCELLED
    assert "A completed job cannot become cancelled" in page.content.decode()


@pytest.mark.parametrize("page", ["jobs/job/", "status/", "audit/auditevent/"])
def test_nobody_but_staff_gets_in(client, owner, page):
    client.force_login(owner)

    assert client.get(f"/admin/{page}").status_code == 302


# Rows of seven notebooks; for each the data were analyzed and looked at closer.
LISTS = {
    "jobs/job": 7, "jobs/trainingrun": 7, "datasets/dataset": 7,
    "datasets/workitem": 14, "notebooks/notebook": 7,
}  # fmt: skip


@pytest.mark.parametrize("page", LISTS)
def test_a_list_asks_as_often_for_many_rows_as_for_one(
    pages, django_user_model, page, django_assert_num_queries
):
    def fill(count, start=0):
        for n in range(start, start + count):
            owner = django_user_model.objects.create(username=f"user-{n}")
            dataset = make_dataset(owner=owner)
            notebook = generate_notebook(
                dataset, models=[catalog().get("qwen3-0.6b")], training_config=None
            )
            job = record_notebook(owner=owner, notebook=notebook)
            new_secret(job)

    fill(1)
    pages.get(f"/admin/{page}/")  # what is asked for once in a process
    with CaptureQueriesContext(connection) as few:
        pages.get(f"/admin/{page}/")
    fill(6, start=1)

    with django_assert_num_queries(len(few)):
        answer = pages.get(f"/admin/{page}/")

    assert len(answer.context["cl"].result_list) == LISTS[page]


def do(pages, page, action, *rows):
    return pages.post(
        f"/admin/{page}/",
        {"action": action, "_selected_action": [str(row.pk) for row in rows]},
        follow=True,
    ).content.decode()


def test_failed_work_is_tried_again_and_recorded(pages, admin_user):
    row = analysis_of(make_dataset())
    WorkItem.objects.update(state="failed", attempts=3)

    do(pages, "datasets/workitem", "retry", row)

    row.refresh_from_db()
    assert (row.state, row.attempts) == ("queued", 0)
    assert work_once()
    row.refresh_from_db()
    assert (row.state, row.attempts) == ("done", 1)
    event = AuditEvent.objects.exclude(action="upload").get()
    assert (event.actor, event.action, event.kind, event.object_id) == (
        admin_user, "retry", "work item", str(row.pk),
    )  # fmt: skip


def test_canceled_work_takes_the_lease_of_its_worker(pages):
    row = analysis_of(make_dataset())
    WorkItem.objects.update(state="queued")
    row.refresh_from_db()
    claim = claim_item(row)

    do(pages, "datasets/workitem", "cancel", row)

    with pytest.raises(LostLease):
        claim.finish(result={})
    assert WorkItem.objects.get().state == "cancelled"


def test_work_that_has_ended_is_not_canceled(pages):
    row = analysis_of(make_dataset())

    page = do(pages, "datasets/workitem", "cancel", row)

    assert "there is nothing to cancel" in page
    assert WorkItem.objects.get().state == "done"
    assert not AuditEvent.objects.exclude(action="upload").exists()


def test_a_failed_job_is_queued_again(pages, owner):
    job = Job.objects.create(
        owner=owner, dataset=make_dataset(owner=owner), status="failed"
    )

    do(pages, "jobs/job", "retry", job)

    job.refresh_from_db()
    assert job.status == "queued"
    assert AuditEvent.objects.exclude(action="upload").get().action == "set to queued"


def test_a_secret_is_revoked(pages, owner):
    job = Job.objects.create(owner=owner, dataset=make_dataset(owner=owner))
    new_secret(job)

    do(pages, "jobs/trainingrun", "revoke", job)

    assert TrainingRun.objects.get().secret_hash is None


@pytest.mark.parametrize("page", ["jobs/job", "notebooks/notebook"])
def test_a_notebook_is_checked_again(pages, owner, page):
    notebook = generate_notebook(
        make_dataset(owner=owner),
        models=[catalog().get("qwen3-0.6b")],
        training_config=None,
    )
    job = record_notebook(owner=owner, notebook=notebook)
    row = job if page == "jobs/job" else notebook

    assert "no faults" in do(pages, page, "lint", row)
    default_storage.delete(notebook.key)
    assert "its file is missing" in do(pages, page, "lint", row)
    default_storage.save(notebook.key, ContentFile(b"{"))
    assert "missing or damaged" in do(pages, page, "lint", row)
    Notebook.objects.update(sha256=hashlib.sha256(b"{").hexdigest())
    assert "not a valid notebook: no JSON" in do(pages, page, "lint", row)


def staff(django_user_model, *codenames):
    user = django_user_model.objects.create_user("staff", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    return user


def test_who_may_only_look_has_no_actions(client, owner, django_user_model):
    job = Job.objects.create(owner=owner, dataset=make_dataset(owner=owner))
    client.force_login(staff(django_user_model, "view_job"))

    do(client, "jobs/job", "cancel", job)

    job.refresh_from_db()
    assert job.status == "created"


def test_content_has_a_permission_of_its_own(client, django_user_model):
    dataset = make_dataset()
    client.force_login(staff(django_user_model, "view_dataset", "change_dataset"))
    address = f"/admin/datasets/dataset/{dataset.id}"

    assert "content/" not in client.get(f"{address}/change/").content.decode()
    for answer in (
        client.get(f"{address}/content/"),
        client.post(f"{address}/content/"),
    ):
        assert answer.status_code == 404
        assert b"What is" not in answer.content
    assert not AuditEvent.objects.exclude(action="upload").exists()


def test_opening_content_is_recorded_without_it(client, django_user_model):
    dataset = make_dataset()
    user = staff(django_user_model, "view_dataset", "view_dataset_content")
    client.force_login(user)
    address = f"/admin/datasets/dataset/{dataset.id}"
    assert f"{address}/content/" in client.get(f"{address}/change/").content.decode()

    asked = client.get(f"{address}/content/").content.decode()
    assert "What is 3 + 3?" not in asked
    assert not AuditEvent.objects.exclude(action="upload").exists()

    shown = client.post(f"{address}/content/").content.decode()
    assert "What is 3 + 3?" in shown
    event = AuditEvent.objects.exclude(action="upload").get()
    assert (event.actor, event.action, event.object_id) == (
        user, "open content", str(dataset.id),
    )  # fmt: skip
    assert "3 + 3" not in str(vars(event))


def test_a_record_outlives_the_account_of_its_actor(client, django_user_model):
    user = staff(django_user_model)
    audit(user, "purge expired")

    user.delete()

    event = AuditEvent.objects.exclude(action="upload").get()
    assert (event.actor, event.actor_name) == (None, "staff")


def test_the_status_page_has_a_permission_of_its_own(client, django_user_model):
    client.force_login(staff(django_user_model, "change_trainingrun", "view_job"))

    assert client.get("/admin/status/").status_code == 404
    assert client.post("/admin/status/").status_code == 404
    assert "/admin/status/" not in client.get("/admin/").content.decode()


def test_the_status_page_says_how_the_server_is(pages):
    make_dataset()
    WorkItem.objects.update(state="queued")

    shown = pages.get("/admin/status/")

    groups = shown.context["groups"]
    queue = {fact.name: fact.value for fact in groups["Queue"]}
    assert queue["Analysis, Queued"] == "1"
    assert queue["Oldest that waits"].endswith("minutes")
    assert [fact.value for fact in groups["Readiness"]] == ["ok", "ok", "ok"]
    assert not [fact for facts in groups.values() for fact in facts if fact.is_bad]


@pytest.mark.parametrize("built", [True, False])
def test_the_status_page_says_whether_native_code_is_in_use(pages, monkeypatch, built):
    monkeypatch.setattr("slmgen.operations.status_page.is_built", lambda: built)

    facts = pages.get("/admin/status/").context["groups"]["Versions"]

    (said,) = [fact.value for fact in facts if fact.name == "Native code"]
    assert said == ("in use" if built else "not compiled: install cargo")


def test_a_lost_worker_is_pointed_at(pages):
    make_dataset()
    past = timezone.now() - timedelta(seconds=1)
    WorkItem.objects.update(state="running", lease_until=past)

    assert "Look at this: 1" in pages.get("/admin/status/").content.decode()


def test_what_has_expired_is_removed_and_recorded(pages, owner, files):
    job = Job.objects.create(owner=owner, dataset=make_dataset(owner=owner))
    new_secret(job)
    past = timezone.now() - timedelta(days=2)
    TrainingRun.objects.update(secret_ends_at=past)
    Session.objects.create(session_key="old", session_data="", expire_date=past)
    for name in ("old.part", "new.part"):
        default_storage.save(f"incoming/{name}", ContentFile(b"half"))
    os.utime(files / "incoming/old.part", (past.timestamp(), past.timestamp()))

    page = pages.post("/admin/status/", follow=True).content.decode()

    assert "sessions 1, secrets 1, half written files 1" in page
    assert TrainingRun.objects.get().secret_hash is None
    assert default_storage.exists("incoming/new.part")
    assert AuditEvent.objects.exclude(action="upload").get().action == "purge expired"


def test_who_may_only_look_removes_nothing(client, django_user_model):
    client.force_login(staff(django_user_model, "view_server_status"))

    assert client.get("/admin/status/").status_code == 200
    assert client.post("/admin/status/").status_code == 404


def test_the_command_removes_what_has_expired(capsys):
    call_command("purge")

    assert capsys.readouterr().out.splitlines() == [
        "sessions: 0", "secrets: 0", "half written files: 0"
    ]  # fmt: skip
