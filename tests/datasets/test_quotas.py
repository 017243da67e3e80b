import threading
import time

import pytest
from django.db import OperationalError, connection, transaction

from datasets.models import Dataset
from datasets.quotas import claim_room
from jobs.models import Job
from jobs.services import Configuration, create_job
from slmgen.errors import Conflict
from tests.factories import make_dataset, make_file, make_lines

pytestmark = pytest.mark.django_db


def test_one_dataset_more_than_an_owner_may_keep_is_refused(settings, owner, files):
    settings.SLMGEN_QUOTA_DATASETS = 2
    make_dataset(owner=owner)
    make_dataset(owner=owner)
    stored = set(files.rglob("*"))

    with pytest.raises(Conflict, match=r"You keep 2 of at most 2 datasets;"):
        make_dataset(owner=owner)

    assert set(files.rglob("*")) == stored


def test_the_quota_of_one_is_not_the_quota_of_another(settings, owner, stranger):
    settings.SLMGEN_QUOTA_DATASETS = 1
    make_dataset(owner=owner)

    assert make_dataset(owner=stranger).owner == stranger
    assert make_dataset().owner is None


def test_bytes_are_counted_with_those_that_come(settings, owner):
    settings.SLMGEN_QUOTA_MB = 1
    lines = make_lines(3_000)  # about 0.3 MB, kept twice
    make_dataset(lines, owner=owner)

    with pytest.raises(Conflict, match=r"of 1 MB, and this upload does not fit"):
        make_dataset(lines, owner=owner)


def test_all_without_an_account_share_their_room(settings, client):
    settings.SLMGEN_QUOTA_ANONYMOUS_MB = 1
    lines = make_lines(3_000)
    make_dataset(lines)

    answer = client.post("/upload", {"file": make_file(lines)})

    assert answer.status_code == 409
    assert answer.json()["detail"].startswith("This server's room for data without")


def test_no_limit_is_none(settings, owner):
    settings.SLMGEN_QUOTA_DATASETS = settings.SLMGEN_QUOTA_MB = 0

    assert make_dataset(owner=owner).pk


def test_one_job_more_than_an_owner_may_keep_is_refused(settings, owner):
    settings.SLMGEN_QUOTA_JOBS = 1
    dataset = make_dataset(owner=owner)
    session = str(dataset.id)
    create_job(owner=owner, session_id=session, configuration=Configuration())

    with pytest.raises(Conflict, match="You keep 1 of at most 1 jobs"):
        create_job(owner=owner, session_id=session, configuration=Configuration())

    assert Job.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_uploads_at_the_same_time_do_not_pass_the_quota_together(settings, owner):
    settings.SLMGEN_QUOTA_DATASETS = 3

    first = make_dataset(owner=owner)

    def insert():
        dataset = Dataset(
            owner=owner, filename="a", size=1, total_examples=1, examples_bytes=1
        )
        while True:
            try:
                with transaction.atomic():
                    claim_room(dataset)
                    dataset.save(force_insert=True)
            except OperationalError:  # SQLite in memory does not wait for locks
                time.sleep(0.01)
            except Conflict:
                refused.append(1)
                break
            else:
                break
        connection.close()

    refused = []
    threads = [threading.Thread(target=insert) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (Dataset.objects.exclude(pk=first.pk).count(), len(refused)) == (2, 4)
