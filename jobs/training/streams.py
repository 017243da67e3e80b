"""Server-sent events of trainings.

One poller per process queries all followed jobs once a second, for any number of
clients. A stream that waits for news holds no thread and no database connection.
"""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Hashable, Iterable
from contextvars import Context
from dataclasses import asdict, dataclass, replace
from threading import Lock
from typing import Any
from uuid import UUID
from weakref import WeakSet

from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import Error
from rest_framework.utils.encoders import JSONEncoder

from jobs import serializers
from jobs.core.progress import ENDED
from jobs.models import Job, TrainingPoint
from jobs.training import runs
from jobs.training.measurements import run_of_job, state_of
from slmgen.db.connections import release_connection
from slmgen.errors import TooMany
from slmgen.http.streaming import release_thread

logger = logging.getLogger("slmgen.streams")

POLL_SECONDS = 1.0
SECONDS_OF_A_STREAM = 3_600.0
# Sends a comment after this much silence: proxies close silent connections.
SECONDS_OF_SILENCE = 30.0
RETRY_AFTER_SECONDS = 30


@dataclass(frozen=True)
class Position:
    """How far a stream has read; streams at the same position get the same news."""

    job_id: UUID
    since: int = 0  # id of the last point
    since_step: int = -1
    mark: Hashable = None  # of the job when its training was last sent
    is_behind: bool = True  # there may be points after the cursor


@dataclass(frozen=True)
class News:
    text: str
    position: Position
    is_last: bool = False


class Stream:
    """The stream of one client. Its slot is free again once it is closed or ends."""

    def __init__(self, streams: "Streams", owner_id: int, position: Position) -> None:
        self.owner_id = owner_id
        self.position = position
        # At most one item: see `deliver`
        self.news: asyncio.Queue[News] = asyncio.Queue()
        self._streams = streams

    async def __aiter__(self) -> AsyncIterator[str]:
        await release_thread()
        ends = asyncio.get_running_loop().time() + SECONDS_OF_A_STREAM
        self._streams.follow(self)
        try:
            while (left := ends - asyncio.get_running_loop().time()) > 0:
                try:
                    async with asyncio.timeout(min(left, SECONDS_OF_SILENCE)):
                        news = await self.news.get()
                except TimeoutError:
                    yield ":\n\n"
                    continue
                if news.text:
                    yield news.text
                if news.is_last:
                    return
        finally:
            self.close()

    def deliver(self, news: News) -> None:
        self.position = news.position
        if news.text or news.is_last:
            self.news.put_nowait(news)

    def close(self) -> None:
        """Called by Django too, also where nothing was read."""
        self._streams.leave(self)


class Streams:
    """All streams of a process, and the poller that serves them."""

    def __init__(self) -> None:
        # Weak references: a response that is never sent is never closed.
        self._open: WeakSet[Stream] = WeakSet()
        self._lock = Lock()  # slots are taken in threads
        self._followed: set[Stream] = set()  # used by the event loop only
        self._poller: asyncio.Task[None] | None = None

    def open(self, job: Job, *, since: int = 0, since_step: int = -1) -> Stream:
        """Opens a stream. Raises TooMany."""
        position = Position(job.pk, since, since_step)
        with self._lock:
            self._check_room(job)
            stream = Stream(self, job.owner_id, position)
            self._open.add(stream)
        return stream

    def _check_room(self, job: Job) -> None:
        streams = list(self._open)
        of_account = [one for one in streams if one.owner_id == job.owner_id]
        of_job = [one for one in of_account if one.position.job_id == job.pk]
        _check("of this job", of_job, settings.SLMGEN_STREAMS_PER_JOB)
        _check("of your account", of_account, settings.SLMGEN_STREAMS_PER_ACCOUNT)
        _check("of this server", streams, settings.SLMGEN_STREAMS)

    def follow(self, stream: Stream) -> None:
        self._followed.add(stream)
        if self._poller is None or self._poller.done():
            # In a context of its own, because a request's context ends with it.
            self._poller = asyncio.get_running_loop().create_task(
                self._poll(), context=Context()
            )

    def leave(self, stream: Stream) -> None:
        with self._lock:
            self._open.discard(stream)
        self._followed.discard(stream)

    async def _poll(self) -> None:
        try:
            while self._followed:
                # A client that has not read its last news gets no more for now.
                waiting = [one for one in self._followed if one.news.empty()]
                try:
                    news = await sync_to_async(look, thread_sensitive=False)(
                        {stream.position for stream in waiting}
                    )
                except Error:
                    logger.exception("trainings cannot be looked at")
                    news = {}
                for stream in waiting:
                    if stream.position in news:
                        stream.deliver(news[stream.position])
                await asyncio.sleep(POLL_SECONDS)
        finally:
            for stream in self._followed:
                stream.deliver(News("", stream.position, is_last=True))


streams = Streams()


def _check(whose: str, taken: list[Stream], limit: int) -> None:
    if len(taken) >= limit:
        raise TooMany(
            f"{len(taken):,} event streams {whose} are open; expected at most "
            f"{limit:,}. Close one, or ask GET /jobs/{{id}}/training instead.",
            RETRY_AFTER_SECONDS,
        )


def look(positions: Iterable[Position]) -> dict[Position, News]:
    """The news at each position. One query finds the jobs that have changed; only those
    are read."""
    wanted = set(positions)
    try:
        rows = Job.objects.select_related("training_run")
        jobs = rows.in_bulk({position.job_id for position in wanted})
        news = {one: _news(one, jobs.get(one.job_id)) for one in wanted}
    finally:
        release_connection()  # no request ends on this thread and releases it
    return {position: one for position, one in news.items() if one is not None}


def _news(position: Position, job: Job | None) -> News | None:
    if job is None:  # deleted
        return News("", position, is_last=True)
    mark = _mark(job)
    if mark == position.mark and not position.is_behind:
        return None
    points = runs.points_of(job, since=position.since, since_step=position.since_step)
    text = "".join(map(_point_event, points))
    if mark != position.mark:
        text += _event("training", summary(job))
    is_last = state_of(job) in ENDED and not points
    since = points[-1].pk if points else position.since
    new = replace(position, since=since, mark=mark, is_behind=bool(points))
    return News(text, new, is_last)


def _mark(job: Job) -> Hashable:
    """Changes with every report and every change of the job."""
    run = run_of_job(job)
    facts = (job.status, job.updated_at, state_of(job))
    if run is None:
        return facts
    return (*facts, run.started_at, run.seen_at, run.ended_at, run.step, run.steps)


def summary(job: Job) -> dict[str, Any]:
    found = runs.training_of(job)
    values = asdict(found) if found else {"state": state_of(job)}
    return serializers.TrainingSerializer(values).data


def _point_event(point: TrainingPoint) -> str:
    event = _event("point", serializers.PointSerializer(point).data)
    return f"id: {point.pk}\n{event}"


def _event(name: str, value: Any) -> str:
    return f"event: {name}\ndata: {json.dumps(value, cls=JSONEncoder)}\n\n"
