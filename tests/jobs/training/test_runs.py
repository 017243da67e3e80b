"""A notebook reports its training by a secret that may do nothing else."""

import json
import re
import threading
import time
from datetime import timedelta

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import User
from django.db import OperationalError, connection, transaction
from django.test import AsyncClient, Client
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from jobs.core import progress
from jobs.core.progress import RunState, Times
from jobs.models import Job, JobEvent, TrainingPoint, TrainingRun
from jobs.services import JobChange, change_job
from jobs.training import runs
from slmgen.errors import InvalidInput, NotFound, Unauthorized
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
        ("train", 6, {"loss": 4.25, "learning_rate": 1e-4}),
        ("eval", 6, {"eval_loss": 4.5}),
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
        ("train", 12, {"loss": 2.0}), ("train", 6, {"loss": 4.0})
    ]  # fmt: skip


def read_on(client, job, bearer, since=0):
    """Points behind the last one that was read, and the new last one."""
    address = f"/jobs/{job.id}/training/events?since={since}"
    found = client.get(address, **bearer).json()
    told = [(point["kind"], point["step"]) for point in found]
    return told, (found[-1]["id"] if found else since)


def test_the_evaluation_of_a_step_that_was_read_is_read_next(
    client, job, bearer, report
):
    """Loss and evaluation of one step are two reports; the second was never read."""
    report(step=10, loss=1.0)
    first, last = read_on(client, job, bearer)
    report(step=10, eval_loss=0.9)

    later, _ = read_on(client, job, bearer, last)

    assert (first, later) == ([("train", 10)], [("eval", 10)])


def test_no_point_is_lost_between_pages(client, job, bearer, report, monkeypatch):
    monkeypatch.setattr(runs, "PAGE", 3)
    for step in (1, 2):
        report(step=step, loss=1.0)
        report(step=step, eval_loss=1.0)

    first, last = read_on(client, job, bearer)
    rest, _ = read_on(client, job, bearer, last)

    assert first == [("train", 1), ("eval", 1), ("train", 2)]
    assert rest == [("eval", 2)]


def test_a_point_that_changed_is_read_again_and_the_same_one_is_not(
    client, job, bearer, report
):
    report("begin", 0)
    report(step=6, loss=4.0)
    _, last = read_on(client, job, bearer)

    report(step=6, loss=4.0)
    same, _ = read_on(client, job, bearer, last)
    report(step=6, loss=3.5)
    changed, _ = read_on(client, job, bearer, last)

    assert (same, changed) == ([], [("train", 6)])
    assert points(client, job, bearer) == [("train", 6, {"loss": 3.5})]


def test_a_full_run_takes_the_same_report_again(report, monkeypatch):
    monkeypatch.setattr(runs, "MAX_POINTS", 1)
    report(step=1, loss=1.0)

    assert report(step=1, loss=1.0).status_code == 204


def test_points_are_of_later_steps_and_behind_the_last_one(client, job, bearer, report):
    for step in (1, 2, 3):
        report(step=step, loss=1.0)
    _, last = read_on(client, job, bearer)
    report(step=4, loss=1.0)
    report(step=1, eval_loss=1.0)

    found = points(client, job, bearer, f"?since={last}&since_step=1")

    assert [step for _, step, _ in found] == [4]


@pytest.mark.parametrize("name", ["since", "since_step"])
@pytest.mark.parametrize("value", ["x", "-2", "1e9", "9" * 400, "9" * 5000, "NaN"])
def test_a_place_that_makes_no_sense_is_refused(client, job, bearer, name, value):
    for part in ("events", "stream"):
        answer = client.get(f"/jobs/{job.id}/training/{part}?{name}={value}", **bearer)

        assert answer.status_code == 400
        assert name in answer.json()["detail"]


@pytest.mark.django_db(transaction=True)
def test_points_are_seen_in_the_order_of_their_ids(owner):
    """A report that was begun first and is kept last would be passed over."""
    job = Job.objects.create(owner=owner, dataset=make_dataset(owner=owner))
    runs.new_secret(job)
    run = TrainingRun.objects.get()
    log = {"event": "log", "steps": 9, "loss": 1.0}
    done, seen = threading.Event(), []

    def second():
        while True:
            try:
                runs.record(TrainingRun.objects.get(), {**log, "step": 2})
            except OperationalError:  # SQLite in memory does not wait for locks
                time.sleep(0.01)
            else:
                break
        done.set()
        connection.close()

    with transaction.atomic():
        runs.record(run, {**log, "step": 1})
        thread = threading.Thread(target=second)
        thread.start()
        # It is kept at once where nothing makes it wait; then step 1 comes too late.
        overtaken = done.wait(0.5)
    thread.join()
    seen = [point.step for point in runs.points_of(job)]

    assert (overtaken, seen) == (False, [1, 2])


def test_a_report_for_a_job_that_was_deleted_is_not_let_in(job, secret):
    run = runs.run_of(f"Bearer {secret}")
    Job.objects.all().delete()

    with pytest.raises(Unauthorized):
        runs.record(run, {"event": "log", "step": 1, "steps": 2, "loss": 1.0})
    with pytest.raises(NotFound):
        runs.new_secret(job)
    assert runs.points_of(job) == []
    assert runs.training_of(job) is None


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
    monkeypatch.setattr(runs, "MAX_POINTS", 3)

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
    body = {"event": "log", "step": 1, "steps": 2, "loss": "0.5",
            "eval_loss": True, "grad_norm": 1, "secret": 3.0}  # fmt: skip

    assert progress.read_report(body).values == {"grad_norm": 1.0}


DIVERGED = [1e308, -1e308, 1e30, 1_000_001, 10**400, -(10**400), None,
            float("nan"), float("inf")]  # fmt: skip


@pytest.mark.parametrize("loss", DIVERGED, ids=lambda loss: str(loss)[:9])
def test_a_loss_that_diverged_is_kept_as_such(loss):
    body = {"event": "log", "step": 1, "steps": 2, "loss": loss}

    found = progress.read_report(body)

    assert (found.kind, found.values) == ("train", {"loss": None})


def test_a_diverged_loss_is_null_for_programs(client, job, bearer, report):
    report("begin", 0)
    for step, loss in ((1, 4.0), (2, 10**400)):
        assert report(step=step, loss=loss).status_code == 204

    assert points(client, job, bearer)[-1] == ("train", 2, {"loss": None})
    assert summary(client, job, bearer)["loss"] is None


@given(st.binary(max_size=60) | st.text().map(str.encode))
def test_any_bytes_are_read_or_refused(body):
    assert reported(body) in {204, 400}


NUMBERS = st.sampled_from(
    ["1e308", "-1e308", "1" + "0" * 400, "-1" + "0" * 5000, "1e999", "5e-324", "NaN",
     "-Infinity", "0x10", "1_000", "-0", "1e-400", "null", "true", '"7"', "[]", "{}"]
)  # fmt: skip
MEMBERS = st.tuples(
    st.sampled_from(["event", "step", "steps", "loss", "eval_loss", "epoch", "error"]),
    NUMBERS | st.sampled_from(['"log"', '"begin"', '"end"', '"fail"', "1", "60"]),
)


@given(st.lists(MEMBERS, max_size=12))
def test_any_numbers_doubled_keys_too_are_read_or_refused(members):
    body = ",".join(f'"{name}":{value}' for name, value in members)
    start = '"event":"log","step":1,"steps":2'

    assert reported(f"{{{start},{body}}}".encode()) in {204, 400}
    assert reported(f"{{{body}}}".encode()) in {204, 400}


@pytest.mark.parametrize("pair", ["[]", "{}"])
def test_deep_nesting_is_refused(pair):
    opening = pair[0] if pair == "[]" else '{"a":'
    deep = opening * 100_000 + pair[1] * 100_000

    assert reported(f'{{"event":"log","loss":{deep}}}'.encode()) == 400


def reported(body):
    """The status that a report of these bytes is answered with."""
    user, _ = User.objects.get_or_create(username="owner")
    job = Job.objects.filter(owner=user).first() or Job.objects.create(
        owner=user, dataset=make_dataset(owner=user)
    )
    secret = runs.new_secret(job).token
    return Client().post(
        "/training/events", body, "application/json",
        HTTP_AUTHORIZATION=f"Bearer {secret}",
    ).status_code  # fmt: skip


def test_time_left_follows_the_speed_since_it_began():
    start = timezone.now()
    times = Times(start, start + timedelta(seconds=100), None)

    assert progress.seconds_left(times, first_step=10, step=30, steps=50) == 100
    assert progress.seconds_left(times, first_step=10, step=10, steps=50) is None
    assert progress.state("running", times, start) is RunState.RUNNING


@pytest.mark.django_db(transaction=True)
def test_a_stream_tells_what_comes_and_ends(client, job, bearer, report, monkeypatch):
    monkeypatch.setattr("jobs.training.streams.POLL_SECONDS", 0.01)
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


@pytest.mark.django_db(transaction=True)
def test_a_browser_that_connects_again_goes_on_behind_the_last_point(
    client, job, bearer, report, monkeypatch
):
    monkeypatch.setattr("jobs.training.streams.POLL_SECONDS", 0.01)
    report("begin", 0)
    report(step=6, loss=4.0)
    report(step=6, eval_loss=3.0)
    report("end", 6)

    async def read(**headers):
        response = await AsyncClient().get(
            f"/jobs/{job.id}/training/stream?since=0",
            headers={"Authorization": bearer["HTTP_AUTHORIZATION"], **headers},
        )
        return b"".join([part async for part in response.streaming_content]).decode()

    whole = async_to_sync(read)()
    ids = re.findall(r"^id: (\d+)\nevent: point$", whole, re.MULTILINE)
    rest = async_to_sync(read)(**{"Last-Event-ID": ids[0]})

    assert len(ids) == 2
    assert re.findall(r"^id: (\d+)$", rest, re.MULTILINE) == ids[1:]


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
    change_job(Job.objects.get(), JobChange(status="failed"))

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
