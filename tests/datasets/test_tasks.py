from datetime import timedelta

import pytest
from django.core.management import call_command
from django.utils import timezone

from datasets import tasks
from datasets.models import MAX_ATTEMPTS, Analysis, Dataset
from tests.factories import make_dataset

pytestmark = pytest.mark.django_db


@pytest.fixture
def waiting(settings):
    settings.SLMGEN_INLINE_ANALYSIS_BYTES = 0
    return Analysis.objects.get(dataset=make_dataset())


def state(row):
    row.refresh_from_db()
    return row.state


def test_a_large_file_waits_for_the_worker(waiting):
    assert waiting.state == "queued"


def test_the_worker_finishes_what_waits(waiting):
    call_command("work", drain=True)

    assert state(waiting) == "done"
    assert waiting.progress == 100


def test_a_claimed_analysis_is_not_claimed_again(waiting):
    assert tasks.claim_row(waiting) is not None

    assert tasks.work_once() is False


def test_two_workers_cannot_claim_the_same_state_of_a_row(waiting):
    other = Analysis.objects.get(pk=waiting.pk)

    assert tasks.claim_row(waiting) is not None
    assert tasks.claim_row(other) is None


def test_an_analysis_whose_worker_died_is_taken_over(waiting):
    tasks.claim_row(waiting)
    Analysis.objects.update(lease_until=timezone.now() - timedelta(seconds=1))

    assert tasks.work_once() is True
    assert state(waiting) == "done"


def test_a_worker_that_was_overtaken_writes_nothing(waiting):
    slow = tasks.claim_row(waiting)
    Analysis.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    tasks.work_once()
    Analysis.objects.update(progress=77)

    tasks.run(slow)

    assert state(waiting) == "done"
    assert waiting.progress == 77


def test_an_analysis_that_kills_its_worker_three_times_fails(waiting):
    for _ in range(MAX_ATTEMPTS):
        tasks.claim_row(Analysis.objects.get(pk=waiting.pk))
        Analysis.objects.update(lease_until=timezone.now() - timedelta(seconds=1))

    tasks.work_once()

    assert state(waiting) == "failed"


def test_an_index_written_after_its_data_are_deleted_is_removed(waiting, files):
    claim = tasks.claim_row(waiting)
    dataset = claim.row.dataset
    Dataset.objects.all().delete()

    tasks.run(claim)

    assert not (files / dataset.index_key).exists()
