"""One poller for all that follow trainings, and a bound on how many may."""

import asyncio
import http.client
import os
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from asgiref.sync import sync_to_async
from django.db import connection
from django.test import AsyncClient
from django.test.utils import CaptureQueriesContext

from jobs.models import Job
from jobs.training import streams as module
from jobs.training.streams import Position, Streams, look
from slmgen.errors import TooMany
from slmgen.identity.services import token_for
from tests.conftest import REPO, started
from tests.factories import make_dataset, make_lines

pytestmark = pytest.mark.django_db


@pytest.fixture
def jobs(owner):
    dataset = make_dataset(owner=owner)
    return [Job.objects.create(owner=owner, dataset=dataset) for _ in range(8)]


def caught_up(positions):
    """The same positions when nothing is new any more."""
    while news := look(positions):
        positions = {news[one].position if one in news else one for one in positions}
    return positions


def run(coroutine):
    """asyncio.run that leaves no connection in the thread which served its queries."""

    async def whole():
        try:
            return await coroutine
        finally:
            await sync_to_async(lambda: connection.close())()  # that of the thread

    return asyncio.run(whole())


def queries_of(positions):
    with CaptureQueriesContext(
        connection,
    ) as found:
        news = look(positions)
    return len(found), news


# What a look costs


def test_where_nothing_is_new_one_query_serves_all(jobs, tell):
    for job in jobs:
        report = tell(job)
        report("begin")
        report(step=1, loss=2.0)
    positions = caught_up({Position(job.pk, step) for job in jobs for step in range(5)})

    assert queries_of(positions) == (1, {})


def test_many_streams_cost_a_look_what_one_costs(jobs, tell):
    report = tell(jobs[0])
    report("begin")
    (one,) = caught_up({Position(jobs[0].pk)})
    others = caught_up({Position(job.pk) for job in jobs[1:]})
    report(step=1, loss=2.0)

    alone, _ = queries_of([one])
    together, news = queries_of([one] * 40 + [*others] * 40)

    assert alone == together
    assert list(news) == [one]
    assert news[one].text.count("event: point") == 1


@pytest.mark.django_db(transaction=True)
def test_streams_of_a_process_share_their_looks(jobs, tell, monkeypatch):
    monkeypatch.setattr(module, "POLL_SECONDS", 0.01)
    report = tell(jobs[0])
    report("begin")
    report(step=1, loss=2.0)
    report("end", 1)
    streams = Streams()
    looks = []

    def counted(positions):
        while len(streams._followed) < 5 and not looks:
            time.sleep(0.001)  # the first look ends when all have come
        looks.append(len(positions))
        return look(positions)

    monkeypatch.setattr(module, "look", counted)

    async def read(stream):
        return "".join([part async for part in stream])

    async def follow():
        opened = [streams.open(jobs[0]) for _ in range(5)]
        return await asyncio.gather(*(read(stream) for stream in opened))

    texts = run(follow())

    assert len(set(texts)) == 1
    assert texts[0].count("event: point") == 1
    assert '"state": "completed"' in texts[0]
    assert len(looks) <= 4  # alone each would take two


def test_who_does_not_read_is_given_no_more(jobs, tell, monkeypatch):
    report = tell(jobs[0])
    report("begin")
    streams = Streams()
    stream = streams.open(jobs[0])
    news = look([stream.position])
    stream.deliver(news[stream.position])

    assert stream.news.qsize() == 1
    assert stream.position not in look(caught_up({stream.position}))


# How it ends


@pytest.mark.django_db(transaction=True)
def test_the_stream_of_a_deleted_job_ends(jobs, monkeypatch):
    monkeypatch.setattr(module, "POLL_SECONDS", 0.01)

    async def follow():
        parts = aiter(Streams().open(jobs[0]))
        first = await anext(parts)
        await sync_to_async(Job.objects.filter(pk=jobs[0].pk).delete)()
        return first, [part async for part in parts]

    first, rest = run(follow())

    assert first.startswith("event: training")
    assert rest == []


@pytest.mark.django_db(transaction=True)
def test_a_silent_stream_shows_that_it_is_there_and_ends_after_its_time(
    jobs, monkeypatch
):
    monkeypatch.setattr(module, "POLL_SECONDS", 0.01)
    monkeypatch.setattr(module, "SECONDS_OF_SILENCE", 0.2)
    monkeypatch.setattr(module, "SECONDS_OF_A_STREAM", 1.0)

    async def follow():
        return [part async for part in Streams().open(jobs[0])]

    parts = run(follow())

    assert ":\n\n" in parts
    assert sum(part.startswith("event: training") for part in parts) == 1


def test_a_head_alone_opens_no_stream(client, jobs, owner, settings):
    settings.SLMGEN_STREAMS = 1
    token = token_for(username="owner", password="owner-password")
    address = f"/jobs/{jobs[0].id}/training/stream"

    for _ in range(3):
        answer = client.head(address, HTTP_AUTHORIZATION=f"Bearer {token}")

        assert answer.status_code == 200
        assert answer["Content-Type"] == "text/event-stream"


# How many


def opened(streams, jobs):
    return [streams.open(job) for job in jobs]


def test_a_job_an_account_and_the_server_have_so_many_and_no_more(
    jobs, stranger, settings
):
    settings.SLMGEN_STREAMS_PER_JOB = 2
    settings.SLMGEN_STREAMS_PER_ACCOUNT = 3
    settings.SLMGEN_STREAMS = 4
    foreign = Job.objects.create(owner=stranger, dataset=make_dataset(owner=stranger))
    streams = Streams()
    kept = opened(streams, [jobs[0], jobs[0]])

    with pytest.raises(TooMany, match="2 event streams of this job are open"):
        streams.open(jobs[0])
    kept += opened(streams, [jobs[1]])
    with pytest.raises(TooMany, match="3 event streams of your account are open"):
        streams.open(jobs[1])
    kept += opened(streams, [foreign])
    with pytest.raises(TooMany, match="4 event streams of this server are open"):
        streams.open(foreign)

    kept[0].close()
    kept[0].close()

    assert streams.open(jobs[0])


@pytest.mark.django_db(transaction=True)
def test_a_client_that_goes_away_frees_its_place(jobs, settings, monkeypatch):
    settings.SLMGEN_STREAMS = 1
    streams = Streams()

    async def follow_and_go():
        parts = aiter(streams.open(jobs[0]))
        reading = asyncio.create_task(anext(parts))
        await asyncio.sleep(0)
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)

    run(follow_and_go())

    assert streams.open(jobs[0])


@pytest.mark.django_db(transaction=True)
def test_too_many_are_429_with_a_sentence(jobs, settings):
    settings.SLMGEN_STREAMS_PER_JOB = 1
    held = module.streams.open(jobs[0])
    token = token_for(username="owner", password="owner-password")

    async def ask():
        return await AsyncClient().get(
            f"/jobs/{jobs[0].id}/training/stream",
            headers={"Authorization": f"Bearer {token}"},
        )

    answer = run(ask())
    held.close()

    assert (answer.status_code, answer["Retry-After"]) == (429, "30")
    assert answer.json()["detail"] == (
        "1 event streams of this job are open; expected at most 1. Close one, or ask "
        "GET /jobs/{id}/training instead."
    )


# On a real server


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with started(tmp_path_factory.mktemp("var")) as running:
        yield running


def ask(port, path, token="", address="127.0.0.1"):
    """An answer whose body is still to be read, on a connection of its own."""
    one = http.client.HTTPConnection(
        "127.0.0.1", port, timeout=20, source_address=(address, 0)
    )
    bearer = {"Authorization": f"Bearer {token}"} if token else {}
    one.request("GET", path, headers={"Connection": "close", **bearer})
    return one.getresponse()


@pytest.fixture
def account(server):
    port, environment = server
    subprocess.run(
        [sys.executable, "manage.py", "createsuperuser", "--no-input"],
        cwd=REPO, check=True, capture_output=True,
        env={**environment, "DJANGO_SUPERUSER_USERNAME": "many",
             "DJANGO_SUPERUSER_EMAIL": "m@example.org",
             "DJANGO_SUPERUSER_PASSWORD": "many-many-streams"},
    )  # fmt: skip
    body = {"username": "many", "password": "many-many-streams"}
    base = f"http://127.0.0.1:{port}"
    token = httpx.post(f"{base}/auth/token", json=body).json()["access_token"]
    with httpx.Client(
        base_url=base, timeout=20, headers={"Authorization": f"Bearer {token}"}
    ) as http:
        yield port, token, http


def new_job(http):
    session = http.post("/upload", files={"file": make_lines()}).json()["session_id"]
    return http.post("/jobs", json={"session_id": session}).json()["id"]


def threads_of_web():
    """Of the one web process that this process's `up` has started."""
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            command = (status.parent / "cmdline").read_bytes()
            up = status.read_text().partition("PPid:\t")[2].partition("\n")[0]
            parent = Path(f"/proc/{up}/status").read_text()
        except OSError:  # ended meanwhile
            continue
        if b"uvicorn" in command and f"PPid:\t{os.getpid()}\n" in parent:
            return len(list((status.parent / "task").iterdir()))
    raise AssertionError("no web process was found")


@pytest.mark.skipif(sys.platform != "linux", reason="read from /proc, which Linux has")
def test_four_hundred_streams_of_an_account_keep_nobody_out(account):
    port, token, client = account
    jobs = [new_job(client) for _ in range(5)]
    before = threads_of_web()

    followed = [
        ask(port, f"/jobs/{jobs[n % 5]}/training/stream", token=token)
        for n in range(400)
    ]
    statuses = [answer.status for answer in followed]
    others = [
        ask(port, "/models", address=address) for address in ("127.0.0.2", "127.0.0.1")
    ]

    assert (statuses.count(200), statuses.count(429)) == (20, 380)
    assert [answer.status for answer in others] == [200, 200]
    first = [answer.readline() for answer in followed if answer.status == 200]
    assert first == [b"event: training\n"] * 20
    assert threads_of_web() < before + 10
    followed[0].close()
    for _ in range(200):  # until the server has seen that one went away
        again = ask(port, f"/jobs/{jobs[0]}/training/stream", token=token)
        if again.status == 200:
            break
        again.close()
    assert again.status == 200
    for answer in (*followed, *others, again):
        answer.close()
