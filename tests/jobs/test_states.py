"""A job has one state: wherever it is shown, and wherever jobs are found by it."""

from contextlib import suppress
from datetime import timedelta
from unittest.mock import patch

import pytest
from django.contrib.admin import site
from django.contrib.auth.models import User
from django.test import RequestFactory
from django.utils import timezone
from hypothesis import example, given, settings
from hypothesis import strategies as st

from datasets.models import Dataset
from jobs.admin import JobAdmin, StateFilter
from jobs.core.progress import EVENTS, STATES, RunState, status_after
from jobs.models import Job
from jobs.pages.history import HistoryFilter, history_page
from jobs.services import JobChange, change_job, details_of, find_job
from jobs.training import runs
from jobs.training.measurements import state_of
from slmgen.errors import InvalidInput
from tests.factories import make_dataset

pytestmark = pytest.mark.django_db

REPORTS = st.tuples(st.just("report"), st.sampled_from(EVENTS))
CHANGES = st.tuples(st.just("change"), st.sampled_from(Job.Status.values))
PAUSES = st.tuples(st.just("wait"), st.sampled_from([10, 89, 90, 91, 1000]))
HISTORIES = st.lists(REPORTS | CHANGES | PAUSES, max_size=12)


class Clock:
    def __init__(self):
        self.now = timezone.now()

    def __call__(self):
        return self.now


def happen(job, deed, value, clock):
    if deed == "wait":
        clock.now += timedelta(seconds=value)
    if deed == "report":
        body = {"event": value, "step": 1, "steps": 9, "error": "ValueError"}
        runs.record(job.training_run, body)
    if deed == "change":
        with suppress(InvalidInput):  # not every move is legal
            change_job(find_job(str(job.pk), user=job.owner), JobChange(status=value))


def found_in(state, user):
    rows = history_page(user=user, wanted=HistoryFilter(state=state)).rows
    return {row.job.pk: row.state for row in rows}


def found_by_admin(state):
    model_admin = JobAdmin(Job, site)
    request = RequestFactory().get("/", {"state": state.value})
    chosen = StateFilter(request, {"state": [state.value]}, Job, model_admin)
    return set(chosen.queryset(request, Job.objects.all()))


@settings(max_examples=60)
@given(HISTORIES)
@example([("report", "begin"), ("change", "failed"), ("report", "end")])
@example([("report", "begin"), ("report", "end"), ("report", "begin")])
@example([("report", "begin"), ("change", "cancelled"), ("change", "queued")])
@example([("report", "begin"), ("wait", 91)])
def test_the_state_that_is_shown_is_the_one_by_which_a_job_is_found(history):
    user, _ = User.objects.get_or_create(username="owner")
    Job.objects.all().delete()
    dataset = Dataset.objects.first() or make_dataset(owner=user)
    job = Job.objects.create(owner=user, dataset=dataset)
    runs.new_secret(job)
    clock = Clock()
    with patch("django.utils.timezone.now", clock):
        for deed, value in history:
            happen(job, deed, value, clock)

        job = find_job(str(job.pk), user=user)
        shown = state_of(job)
        found = {state: found_in(state, user) for state in RunState}
        by_admin = {state for state in RunState if found_by_admin(state)}

        assert found[shown] == {job.pk: shown.value}
        assert [state for state in RunState if found[state]] == [shown]
        assert by_admin == {shown}
        assert details_of(job).training.state is shown
        assert JobAdmin(Job, site).state(job) == shown.value


def test_what_a_person_ended_stays_so_when_its_notebook_ends(owner):
    job = Job.objects.create(owner=owner, dataset=make_dataset(owner=owner))
    runs.new_secret(job)
    run = Job.objects.get().training_run
    runs.record(run, {"event": "begin", "step": 0, "steps": 20})
    change_job(Job.objects.get(), JobChange(status="failed"))

    runs.record(run, {"event": "end", "step": 20, "steps": 20})

    (row,) = history_page(user=owner, wanted=HistoryFilter(state=RunState.FAILED)).rows
    assert row.state == "failed"
    assert not history_page(
        user=owner, wanted=HistoryFilter(state=RunState.COMPLETED)
    ).rows


def test_a_notebook_that_begins_again_runs_again(owner):
    job = Job.objects.create(owner=owner, dataset=make_dataset(owner=owner))
    runs.new_secret(job)
    run = Job.objects.get().training_run
    for event in ("begin", "end", "begin"):
        runs.record(run, {"event": event, "step": 30, "steps": 60})

    assert Job.objects.get().status == "running"


def test_every_status_has_a_state():
    assert set(STATES) == set(Job.Status.values)


@pytest.mark.parametrize("status", ["completed", "failed", "cancelled"])
def test_a_notebook_moves_nothing_that_a_person_ended(status):
    moved = {status_after(status, event, set_by_notebook=False) for event in EVENTS}

    assert moved == {status}


def test_a_job_without_a_notebook_is_in_the_state_that_was_set(client, owner):
    job = Job.objects.create(
        owner=owner, dataset=make_dataset(owner=owner), status="running"
    )
    client.force_login(owner)

    assert state_of(job) is RunState.RUNNING
    assert (
        "You said that it runs" in client.get(f"/app/jobs/{job.pk}/").content.decode()
    )
