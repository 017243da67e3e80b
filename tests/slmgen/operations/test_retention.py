from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import call_command
from django.utils import timezone

from datasets.models import Dataset, WorkItem
from jobs.models import Job
from jobs.services import delete_job
from notebooks.generation import _data_token
from notebooks.models import Notebook
from notebooks.services import generate_notebook
from recommender.services import catalog
from slmgen.audit.models import AuditEvent
from slmgen.operations.retention import Expired, expire
from tests.factories import make_dataset

pytestmark = pytest.mark.django_db(transaction=True)  # files go when it is committed


def dated(dataset, **age):
    """The dataset as if it had been uploaded so long ago."""
    moment = timezone.now() - timedelta(**age)
    Dataset.objects.filter(pk=dataset.pk).update(created_at=moment)
    dataset.refresh_from_db()
    return dataset


def stored(files):
    return [path for path in files.rglob("*") if path.is_file()]


def test_data_of_nobody_are_deleted_after_a_day(files):
    old, young = dated(make_dataset(), hours=25), dated(make_dataset(), hours=23)

    assert expire(timezone.now()) == Expired(deleted=1, emptied=0)

    assert list(Dataset.objects.all()) == [young]
    assert all(str(young.id) in str(path) for path in stored(files))
    assert old.pk != young.pk


def test_data_of_somebody_are_deleted_after_thirty_days(owner, files):
    dated(make_dataset(owner=owner), days=31)
    dated(make_dataset(owner=owner), days=29)

    assert expire(timezone.now()) == Expired(deleted=1, emptied=0)
    assert Dataset.objects.count() == 1


def test_again_changes_nothing(owner):
    dated(make_dataset(owner=owner), days=31)
    expire(timezone.now())

    assert expire(timezone.now()) == Expired(0, 0)
    assert AuditEvent.objects.filter(action="expire").count() == 1


def test_a_job_outlives_its_data(client, owner, files):
    dataset = make_dataset(b"not json\n" + SECRET_ROWS, owner=owner)
    model = catalog().get("qwen3-0.6b")
    notebook = generate_notebook(dataset, models=[model], training_config=None)
    job = Job.objects.create(
        owner=owner, dataset=dataset, notebook=notebook, model_id="qwen3-0.6b"
    )
    dated(dataset, days=31)

    assert expire(timezone.now()) == Expired(deleted=0, emptied=1)

    assert stored(files) == []
    assert not Notebook.objects.exists()
    assert not WorkItem.objects.exists()
    dataset.refresh_from_db()
    assert (dataset.problems, dataset.problem_groups, dataset.columns) == ([], [], {})
    client.force_login(owner)
    assert client.get(f"/app/jobs/{job.id}/").status_code == 200
    assert client.get("/app/jobs/").status_code == 200
    clone = client.get(f"/app/jobs/{job.id}/clone/", follow=True)
    assert clone.status_code == 404
    for part in ("", "problems/", "model/", "training/", "notebook/"):
        address = f"/app/datasets/{dataset.id}/{part}"
        assert client.get(address).status_code == 404
    delete_job(job, by=owner)
    assert not Dataset.objects.exists()


SECRET_ROWS = b"".join(
    b'{"messages": [{"role": "user", "content": "%d"}, '
    b'{"role": "assistant", "content": "b"}]}\n' % n
    for n in range(60)
)


@pytest.mark.parametrize(
    ("hours", "days", "kept"), [(0, 30, 2), (24, 0, 1), (1000, 30, 2)]
)
def test_how_long_is_a_setting(settings, owner, hours, days, kept):
    settings.SLMGEN_KEEP_ANONYMOUS_HOURS = hours
    settings.SLMGEN_KEEP_DAYS = days
    dated(make_dataset(), days=20)
    dated(make_dataset(owner=owner), days=20)

    expire(timezone.now())

    assert Dataset.objects.count() == kept


def test_the_owner_is_told_on_the_page_and_by_the_api(client, owner):
    mine, nobody_s = make_dataset(owner=owner), make_dataset()
    moment = datetime(2026, 2, 1, 12, 0, tzinfo=UTC)
    Dataset.objects.update(created_at=moment)
    client.force_login(owner)

    page = client.get(f"/app/datasets/{mine.id}/").text
    body = client.get(f"/datasets/{nobody_s.id}/profile").json()

    assert "3 March 2026, 12:00" in page
    assert body["expires_at"] == "2026-02-02T12:00:00Z"


def test_for_ever_is_said_too(client, settings):
    settings.SLMGEN_KEEP_ANONYMOUS_HOURS = 0
    dataset = make_dataset()

    assert "you delete them" in client.get(f"/app/datasets/{dataset.id}/").text
    body = client.get(f"/datasets/{dataset.id}/profile").json()
    assert body["expires_at"] is None


def test_the_command_says_what_it_did(capsys):
    dated(make_dataset(), hours=25)

    call_command("expire")
    call_command("expire")

    assert capsys.readouterr().out == "1 datasets deleted, 0 emptied.\n"


def test_a_link_to_data_ends_with_them(client, owner):
    dataset = make_dataset(owner=owner)
    address = f"/data/{_data_token(dataset)}"
    opened = client.get(address)
    opened.close()
    Job.objects.create(owner=owner, dataset=dated(dataset, days=31))
    expire(timezone.now())

    assert (opened.status_code, client.get(address).status_code) == (200, 404)
