"""Work items: who may claim, who may write, and what happens to the unlucky."""

import threading
import time
from concurrent.futures.process import BrokenProcessPool
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db.models import QuerySet
from django.utils import timezone

from datasets import models
from datasets.models import Kind, State, WorkItem
from datasets.storage.files import storage
from datasets.work import engine
from datasets.work.engine import MAX_ATTEMPTS, LostLease, claim_item, enqueue, work_once
from slmgen.errors import InvalidInput
from tests.factories import make_dataset

pytestmark = pytest.mark.django_db


@pytest.fixture
def waiting(settings):
    settings.SLMGEN_INLINE_ANALYSIS_BYTES = 0
    return WorkItem.objects.get(dataset=make_dataset())


@pytest.fixture
def handler(monkeypatch):
    """Puts another function in the place of a kind's own work."""

    def put(function, kind=Kind.ANALYSIS):
        monkeypatch.setitem(engine.HANDLERS, kind, function)

    return put


def state(item):
    item.refresh_from_db()
    return item.state


def end_lease():
    past = timezone.now() - timedelta(seconds=1)
    WorkItem.objects.exclude(lease_until=None).update(lease_until=past)


def files_of(kind):
    return [one.key for one in storage().listing() if f"/{kind}-" in one.key]


def test_a_large_file_waits_for_the_worker(waiting):
    assert waiting.state == "queued"


def test_the_worker_finishes_what_waits(waiting):
    call_command("work", drain=True)

    assert state(waiting) == "done"
    assert (waiting.progress, waiting.attempts) == (100, 1)
    assert waiting.result["total_examples"] == 60
    assert files_of("index") == [waiting.file]


def test_a_claimed_item_is_not_claimed_again(waiting):
    assert claim_item(waiting) is not None

    assert work_once() is False
    assert engine.work_on(waiting.pk) is False


def test_two_workers_cannot_claim_the_same_state_of_a_row(waiting):
    other = WorkItem.objects.get(pk=waiting.pk)

    assert claim_item(waiting) is not None
    assert claim_item(other) is None


def test_an_item_whose_worker_died_is_taken_over(waiting):
    claim_item(waiting)
    end_lease()

    assert work_once() is True
    assert state(waiting) == "done"
    assert waiting.attempts == 2


@pytest.mark.parametrize("hours", [-1, 1])
def test_the_clock_of_a_host_does_not_move_a_lease(waiting, monkeypatch, hours):
    now = timezone.now
    monkeypatch.setattr(timezone, "now", lambda: now() + timedelta(hours=hours))
    claim_item(waiting)

    assert work_once() is False  # not ended for a clock that is ahead

    monkeypatch.undo()
    waiting.refresh_from_db()
    left = waiting.lease_until - timezone.now()
    assert timedelta(seconds=50) < left < timedelta(seconds=70)


def test_a_worker_that_was_overtaken_writes_nothing(waiting):
    slow = claim_item(waiting)
    end_lease()
    work_once()
    before = WorkItem.objects.values().get()

    engine.run(slow)

    assert WorkItem.objects.values().get() == before
    assert files_of("index") == [before["file"]]


def test_the_file_of_an_earlier_try_goes_when_the_next_one_appears(
    waiting, django_capture_on_commit_callbacks
):
    work_once()
    waiting.refresh_from_db()
    first = waiting.file
    engine.restart(waiting)

    with django_capture_on_commit_callbacks(execute=True):
        work_once()

    waiting.refresh_from_db()
    assert waiting.file != first
    assert files_of("index") == [waiting.file]


def test_an_item_that_kills_its_worker_three_times_fails(waiting):
    for _ in range(MAX_ATTEMPTS):
        assert claim_item(WorkItem.objects.get(pk=waiting.pk)) is not None
        end_lease()

    work_once()

    assert state(waiting) == "failed"
    assert waiting.message.startswith("Analysis was tried three times and failed")
    assert work_once() is False


def test_an_item_that_raises_is_tried_three_times_and_not_at_once(
    waiting, handler, caplog
):
    def poison(claim):
        raise KeyError("some" + "body's data")

    handler(poison)
    for _ in range(MAX_ATTEMPTS):
        assert work_once() is True
        assert work_once() is False  # first it rests
        end_lease()

    assert state(waiting) == "failed"
    assert waiting.attempts == MAX_ATTEMPTS
    assert "poison" in caplog.text
    assert "somebody" not in caplog.text


def test_a_refusal_is_final_and_said(waiting, handler):
    def refuse(claim):
        raise InvalidInput("There is no such thing.")

    handler(refuse)

    work_once()

    assert state(waiting) == "failed"
    assert (waiting.message, waiting.is_refused) == ("There is no such thing.", True)


def test_a_worker_that_is_told_to_stop_gives_its_work_back(waiting, handler):
    def told_meanwhile(claim):
        engine.request_stop()
        claim.report(1)

    handler(told_meanwhile)
    try:
        assert work_once() is True
    finally:
        engine.clear_stop()

    assert state(waiting) == "queued"
    assert (waiting.attempts, waiting.lease_until) == (0, None)


def test_a_process_that_a_stop_of_the_whole_group_ended_costs_no_attempt(
    waiting, handler
):
    def broken(claim):
        engine.request_stop()
        raise BrokenProcessPool

    handler(broken)
    try:
        work_once()
    finally:
        engine.clear_stop()

    assert state(waiting) == "queued"
    assert waiting.attempts == 0


def test_what_fails_after_the_end_of_a_piece_of_work_does_not_begin_it_again(
    waiting, handler
):
    def late(claim):
        claim.finish(result={})
        raise OSError

    handler(late)
    work_once()

    assert state(waiting) == "done"


def test_what_is_canceled_while_it_is_claimed_stays_canceled(waiting, handler):
    def canceled(claim):
        claim.write(progress=1)

    handler(canceled)
    claim = claim_item(waiting)
    assert engine.cancel(WorkItem.objects.get(pk=waiting.pk)) is True
    engine.run(claim)

    assert state(waiting) == "cancelled"


def test_a_cancel_between_the_claim_and_its_use_is_not_undone(waiting, monkeypatch):
    """The claim read its fence back, and took that of the cancel for its own."""
    update, done = QuerySet.update, []

    def then_cancel(self, **values):
        rows = update(self, **values)
        if values.get("state") == State.RUNNING and not done:
            done.append(1)
            assert engine.cancel(WorkItem.objects.get(pk=waiting.pk))
        return rows

    monkeypatch.setattr(QuerySet, "update", then_cancel)
    engine.work_on(waiting.pk)

    assert done
    assert state(waiting) == "cancelled"


def test_what_was_canceled_stops_at_its_next_report(waiting, handler, settings):
    seen = []

    def cancel_meanwhile(claim):
        assert engine.cancel(WorkItem.objects.get(pk=waiting.pk)) is True
        claim.reported_at = 0
        with pytest.raises(LostLease):
            claim.report(1)
        seen.append(1)
        raise LostLease

    handler(cancel_meanwhile)
    work_once()

    assert seen == [1]
    assert state(waiting) == "cancelled"
    assert work_once() is False


def test_a_canceled_item_can_be_started_again(waiting):
    engine.cancel(waiting)

    assert engine.restart(waiting) is True
    assert work_once() is True
    assert state(waiting) == "done"


def test_work_on_figures_waits_for_the_analysis(waiting):
    item = enqueue(waiting.dataset, Kind.INSIGHTS)

    assert claim_item(item) is None
    engine.work_on(waiting.pk)
    assert claim_item(item) is not None


def test_the_same_is_asked_for_once(waiting):
    one, other = (
        enqueue(waiting.dataset, Kind.EXPORT, {"format": "alpaca"}) for _ in range(2)
    )

    assert one == other
    assert enqueue(waiting.dataset, Kind.EXPORT, {"format": "sharegpt"}) != one


def test_celery_is_told_after_the_commit_and_again(
    settings, monkeypatch, waiting, django_capture_on_commit_callbacks
):
    from slmgen import celery_app

    sent = []
    monkeypatch.setattr(
        celery_app.app, "send_task", lambda name, args, **_: sent.append((name, *args))
    )
    settings.SLMGEN_TASKS = "celery"
    with django_capture_on_commit_callbacks(execute=True):
        item = WorkItem.objects.get(dataset=make_dataset())

    assert sent == [("slmgen.work", str(item.pk))]
    assert engine.send_again() == 1  # the one of before Celery
    assert engine.send_again() == 0


def make_waiting(settings, count):
    settings.SLMGEN_INLINE_ANALYSIS_BYTES = -1
    return [WorkItem.objects.get(dataset=make_dataset()) for _ in range(count)]


def test_what_waits_has_one_message_however_often_one_looks(settings, monkeypatch):
    make_waiting(settings, 3)
    sent = []
    monkeypatch.setattr(engine, "send", sent.append)

    for _ in range(10):
        engine.send_again()

    assert len(sent) == 3


def test_a_lost_message_is_sent_again_after_some_minutes(settings):
    make_waiting(settings, 1)
    engine.send_again()

    for minutes, due in ((4, 0), (6, 1)):
        earlier = timezone.now() - timedelta(minutes=minutes)
        WorkItem.objects.update(sent_at=earlier)
        assert engine.send_again() == due


def test_a_lost_lease_is_sent_again_once_and_at_once(settings):
    (item,) = make_waiting(settings, 1)
    engine.send_again()
    claim_item(item)
    assert engine.send_again() == 0

    sent, ended = (timezone.now() - timedelta(seconds=s) for s in (70, 5))
    WorkItem.objects.update(sent_at=sent, lease_until=ended)

    assert [engine.send_again() for _ in range(3)] == [1, 0, 0]


def test_a_message_that_came_too_early_is_sent_again(settings):
    (analysis,) = make_waiting(settings, 1)
    item = enqueue(analysis.dataset, Kind.INSIGHTS)
    WorkItem.objects.update(sent_at=timezone.now())
    engine.work_on(item.pk)  # not before the analysis
    engine.work_on(analysis.pk)

    assert engine.send_again() == 1


def test_redis_that_is_away_fails_nobody(settings, monkeypatch, waiting):
    from slmgen import celery_app

    if settings.SLMGEN_TASKS == "celery":
        pytest.skip("a connection to the Redis that runs is open already")
    settings.SLMGEN_TASKS = "celery"
    monkeypatch.setattr(celery_app.app.conf, "broker_url", "redis://127.0.0.1:9/0")

    engine.announce(waiting.pk)

    assert engine.send_again() == 1  # due at once


@pytest.mark.django_db(transaction=True)
def test_a_long_step_keeps_its_lease_by_the_heartbeat(settings, handler, tmp_path):
    settings.SLMGEN_INLINE_ANALYSIS_BYTES = 0
    settings.SLMGEN_LEASE_SECONDS = 1
    item = WorkItem.objects.get(dataset=make_dataset())
    taken = []

    def long_step(claim):
        thread = threading.Thread(target=other_worker)
        thread.start()
        time.sleep(2.5)  # a step that reports nothing
        thread.join()
        claim.finish(result={})

    def other_worker():
        time.sleep(2)
        taken.append(WorkItem.objects.claimable().count())
        engine.connection.close()

    handler(long_step)
    engine.work_on(item.pk)

    assert taken == [0]
    assert state(item) == State.DONE


def test_an_app_brings_a_kind_of_work_of_its_own(monkeypatch, waiting):
    monkeypatch.setitem(engine.HANDLERS, "grading", None)
    monkeypatch.setitem(models.WORK_LABELS, "grading", "")
    monkeypatch.setattr(engine, "ASKED_BY_POST", set())

    @engine.handles("grading", label="The grading", asked_by_post=True)
    def grade(claim):
        claim.finish(result=7)

    item = enqueue(waiting.dataset, "grading")
    item.full_clean()
    call_command("work", drain=True)

    assert (state(item), item.result) == ("done", 7)
    assert item.get_kind_display() == "The grading"
    assert {"grading"} == engine.ASKED_BY_POST
    assert ("grading", "The grading") in models.work_kinds()
