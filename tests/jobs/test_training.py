"""A notebook reports its training by a secret that may do nothing else."""

import json
from datetime import timedelta

import pytest
from asgiref.sync import async_to_sync
from django.test import AsyncClient
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from jobs import training
from jobs.core import progress
from jobs.core.progress import State, Times
from jobs.models import Job, JobEvent, TrainingPoint, TrainingRun
from jobs.services import Change, change_job
from slmgen.errors import InvalidInput
from slmgen.identity.services import token_for
from tests.factories import make_dataset

pytestmark = pytest.mark.django_db


@pytest.fixture
def bearer(owner):
    token = token_for(username="owner", password="owner-password")
    return {"HTTP_AUTHORIZATION": f"Bearer {token}"}


@pytest.fixture
def job(owner):
    return Job.objects.create(owner=owner, dataset=make_dataset(owner=owner))


@pytest.fixture
def secret(client, job, bearer):
    made = client.post(f"/jobs/{job.id}/training/secret", **bearer).json()
    assert made["progress_url"] == "http://testserver/training/events"
    return made["progress_token"]


@pytest.fixture
def report(client, secret):
    def sent(event="log", step=1, steps=60, token=secret, **values):
        return client.post(
            "/training/events",
            json.dumps({"event": event, "step": step, "steps": steps, **values}),
            "application/json",
            HTTP_AUTHORIZATION=f"Bearer {token}",
        )

    return sent


def summary(client, job, bearer):
    return client.get(f"/jobs/{job.id}/training", **bearer).json()


def points(client, job, bearer, query=""):
    found = client.get(f"/jobs/{job.id}/training/events{query}", **bearer).json()
    return [(point["kind"], point["step"], point["values"]) for point in found]


def test_a_job_without_a_secret_is_pending(client, job, bearer):
    assert summary(client, job, bearer)["state"] == "pending"
    assert client.get(f"/jobs/{job.id}", **bearer).json()["training"] is None


def test_a_run_is_followed_from_begin_to_end(client, job, bearer, report):
    report("log", 0, 0, eval_loss=9.5)
    report("begin", 0)
    assert Job.objects.get().status == "running"
    report(step=6, loss=4.25, learning_rate=1e-4)
    report(step=6, eval_loss=4.5)

    found = summary(client, job, bearer)

    assert (found["state"], found["step"], found["steps"]) == ("running", 6, 60)
    assert (found["loss"], found["eval_loss"]) == (4.25, 4.5)
    assert isinstance(found["eta_seconds"], int)
    assert points(client, job, bearer) == [
        ("eval", 0, {"eval_loss": 9.5}),
        ("eval", 6, {"eval_loss": 4.5}),
        ("train", 6, {"loss": 4.25, "learning_rate": 1e-4}),
    ]
    assert len(points(client, job, bearer, "?since_step=0")) == 2

    assert report("end", 60).status_code == 204
    assert summary(client, job, bearer)["state"] == "completed"
    assert Job.objects.get().status == "completed"
    details = client.get(f"/jobs/{job.id}", **bearer).json()
    assert details["training"]["step"] == 60


def test_reports_that_come_twice_or_late_harm_nothing(client, job, bearer, report):
    report("begin", 0)
    report(step=12, loss=2.0)
    for _ in range(3):
        report(step=6, loss=4.0)

    assert summary(client, job, bearer)["step"] == 12
    assert points(client, job, bearer) == [
        ("train", 6, {"loss": 4.0}), ("train", 12, {"loss": 2.0})
    ]  # fmt: skip


def test_a_run_without_a_sign_of_life_is_stalled_and_recovers(
    client, job, bearer, report
):
    report("begin", 0)
    TrainingRun.objects.update(seen_at=timezone.now() - timedelta(seconds=91))
    assert summary(client, job, bearer)["state"] == "stalled"

    report("beat", 3)

    assert summary(client, job, bearer)["state"] == "running"


def test_a_resumed_run_runs_again(client, job, bearer, report):
    report("begin", 0)
    report("end", 30)
    report("begin", 30)

    found = summary(client, job, bearer)

    assert (found["state"], found["eta_seconds"]) == ("running", None)


def test_a_job_that_was_given_up_has_failed(client, job, bearer, report):
    report("begin", 0)
    client.patch(
        f"/jobs/{job.id}",
        json.dumps({"status": "failed"}),
        "application/json",
        **bearer,
    )

    assert summary(client, job, bearer)["state"] == "failed"


def test_only_the_hash_of_a_secret_is_stored(secret):
    run = TrainingRun.objects.get()

    assert secret.startswith("slt_")
    assert secret not in str(vars(run))
    assert len(run.secret_hash) == 64


def test_another_secret_ends_the_first(client, job, bearer, secret, report):
    client.post(f"/jobs/{job.id}/training/secret", **bearer)

    assert report().status_code == 401


def test_a_revoked_secret_reports_no_more(client, job, bearer, report):
    report(step=1, loss=1.0)
    assert client.delete(f"/jobs/{job.id}/training/secret", **bearer).status_code == 204

    response = report(step=2, loss=1.0)

    assert response.status_code == 401
    assert response["WWW-Authenticate"].startswith("Bearer")
    assert len(points(client, job, bearer)) == 1


def test_a_secret_ends_by_itself(report, settings):
    TrainingRun.objects.update(secret_ends_at=timezone.now())

    assert report().status_code == 401


@pytest.mark.parametrize("path", ["/jobs", "/jobs/{job}", "/jobs/{job}/training"])
def test_a_secret_opens_nothing_else(client, job, secret, path):
    response = client.get(
        path.format(job=job.id), HTTP_AUTHORIZATION=f"Bearer {secret}"
    )

    assert response.status_code == 401


@pytest.mark.parametrize("token", ["", "x", "slt_", "slt_" + "a" * 5000])
def test_no_other_token_reports(client, job, report, token):
    assert report(token=token).status_code == 401
    assert TrainingPoint.objects.count() == 0


WRONG = {
    "event is 'boom'; expected one of begin, log": {"event": "boom"},
    "step is 1.5; expected a whole number": {"event": "log", "step": 1.5, "steps": 2},
    "steps is -2; expected a whole number": {"event": "log", "step": 1, "steps": -2},
}


@pytest.mark.parametrize("sentence", WRONG)
def test_a_malformed_report_is_refused(client, secret, sentence):
    response = client.post(
        "/training/events", json.dumps(WRONG[sentence]), "application/json",
        HTTP_AUTHORIZATION=f"Bearer {secret}",
    )  # fmt: skip

    assert response.status_code == 400
    assert sentence in response.json()["detail"]


def test_a_run_keeps_a_bounded_number_of_points(report, monkeypatch):
    monkeypatch.setattr(training, "MAX_POINTS", 3)

    codes = [report(step=step, loss=1.0).status_code for step in range(5)]

    assert codes == [204, 204, 204, 400, 400]
    assert TrainingPoint.objects.count() == 3


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from(["event", "step", "steps", "loss"]), JSON))
def test_any_report_is_read_or_refused(body):
    try:
        found = progress.read_report(body)
    except InvalidInput as error:
        assert len(error.detail.splitlines()) == 1  # noqa: PT017  # either is right
    else:
        assert set(found.values) <= progress.NAMES


def test_what_is_no_number_is_left_out():
    body = {"event": "log", "step": 1, "steps": 2, "loss": float("nan"),
            "eval_loss": True, "grad_norm": 1, "secret": 3.0}  # fmt: skip

    assert progress.read_report(body).values == {"grad_norm": 1.0}


def test_time_left_follows_the_speed_since_it_began():
    start = timezone.now()
    times = Times(start, start + timedelta(seconds=100), None)

    assert progress.seconds_left(times, first_step=10, step=30, steps=50) == 100
    assert progress.seconds_left(times, first_step=10, step=10, steps=50) is None
    assert progress.state(times, start, given_up=False) is State.RUNNING


@pytest.mark.django_db(transaction=True)
def test_a_stream_tells_what_comes_and_ends(client, job, bearer, report, monkeypatch):
    monkeypatch.setattr("jobs.streams.SECONDS_BETWEEN_LOOKS", 0.01)
    report("begin", 0)
    report(step=6, loss=4.0)
    report(step=12, loss=3.0)
    report("end", 12)

    async def read():
        response = await AsyncClient().get(
            f"/jobs/{job.id}/training/stream?since_step=6",
            headers={"Authorization": bearer["HTTP_AUTHORIZATION"]},
        )
        return b"".join([part async for part in response.streaming_content]).decode()

    text = async_to_sync(read)()

    assert text.count("event: point") == 1
    assert '"step": 12' in text
    assert '"state": "completed"' in text


def test_a_notebook_says_what_stopped_it_and_goes_on(client, job, bearer, report):
    report("begin", 0)
    report("fail", 12, error="OutOfMemoryError")

    assert summary(client, job, bearer)["state"] == "failed"
    event = JobEvent.objects.last()
    assert (event.status, event.step, event.reason) == (
        "failed", 12, "OutOfMemoryError",
    )  # fmt: skip

    report("begin", 6)

    assert summary(client, job, bearer)["state"] == "running"


def test_what_a_person_gave_up_does_not_begin_again(client, job, bearer, report):
    report("begin", 0)
    change_job(Job.objects.get(), Change(status="failed"))

    report("begin", 0)

    assert Job.objects.get().status == "failed"


def test_a_failure_that_comes_late_changes_nothing(report):
    report("begin", 0)
    report("end", 60)

    report("fail", 12, error="OutOfMemoryError")

    assert Job.objects.get().status == "completed"


@pytest.mark.parametrize("text", ["a row of your data", "<b>", "", 7, None, "x" * 61])
def test_no_other_text_is_kept(text):
    body = {"event": "fail", "step": 1, "steps": 2, "error": text}

    assert progress.read_report(body).error == ""
