"""A step is begun, a part is killed in the middle of it, and it must end well."""

import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property

import httpx

from datasets.models import ACTIVE, Dataset, WorkItem
from jobs.models import Job
from notebooks.models import Notebook
from tests.crash.samples import rows
from tests.crash.server import Server

MEGABYTES = 24  # large enough that each step of it takes a while


@dataclass
class Run:
    """What a try showed."""

    in_the_middle: bool  # the step had not ended when the part was killed
    seconds: float  # from the kill until it had ended


@dataclass
class Steps:
    server: Server
    token: str
    content: bytes = field(default_factory=lambda: rows(MEGABYTES))
    small: bytes = field(default_factory=lambda: rows(0.5))
    analyzed: str = ""
    tries: int = 0

    @property
    def bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    @cached_property
    def usual(self) -> tuple[float, float]:
        """Seconds of an upload and of its analysis, here and when nothing happens."""
        began = time.monotonic()
        session = self.server.upload(self.content)
        uploaded = time.monotonic()
        self.wait_for_analysis(session, self.content)
        return uploaded - began, time.monotonic() - uploaded

    def wait_for_analysis(self, session: str, content: bytes) -> None:
        self.server.until(lambda: self.server.get(f"/analyze/{session}"))
        answer = self.server.get(f"/analyze/{session}")
        assert answer is not None
        assert answer.json()["total_examples"] == content.count(b"\n")

    def upload(self, part: str) -> Run:
        """An upload that was answered is there, whole; another one left nothing."""
        within, _ = self.usual
        known = set(Dataset.objects.values_list("pk", flat=True))
        answered: list[str] = []

        def send() -> None:
            # Not answered: the client knows that it must try again.
            with suppress(httpx.HTTPError):
                answered.append(self.server.upload(self.content))

        thread = threading.Thread(target=send)
        thread.start()
        self.server.kill_soon(part, within)
        in_the_middle, started = not answered, time.monotonic()
        thread.join()
        self.server.wait_until_it_answers()
        made = set(Dataset.objects.values_list("pk", flat=True)) - known
        assert {str(key) for key in made} >= set(answered), "an upload was lost"
        assert len(made) <= 1, "one upload made two datasets"
        for key in made:
            self.wait_for_analysis(str(key), self.content)
        return Run(in_the_middle, time.monotonic() - started)

    def analysis(self, part: str) -> Run:
        _, within = self.usual
        session = self.server.upload(self.content)
        self.server.kill_soon(part, within)
        item = WorkItem.objects.get(dataset=session)
        started = time.monotonic()
        self.wait_for_analysis(session, self.content)
        return Run(item.state in ACTIVE, time.monotonic() - started)

    def generation(self, part: str) -> Run:
        if not self.analyzed:
            self.analyzed = self.server.upload(self.content)
            self.wait_for_analysis(self.analyzed, self.content)
        self.tries += 1
        body = {
            "session_id": self.analyzed,
            "model_id": "qwen3-0.6b",
            "training_config": {"seed": self.tries},  # another notebook each time
        }
        before = Notebook.objects.count()
        self.server.ask("POST", "/generate", json=body)
        self.server.kill_soon(part, 1.0)
        in_the_middle, started = Notebook.objects.count() == before, time.monotonic()
        self.server.until(lambda: self.server.ask("POST", "/generate", json=body))
        seconds = time.monotonic() - started
        assert Notebook.objects.count() == before + 1, "not one notebook was made"
        return Run(in_the_middle, seconds)

    def deletion(self, part: str) -> Run:
        session = self.server.upload(self.small, headers=self.bearer)
        self.server.until(
            lambda: self.server.get(f"/analyze/{session}", headers=self.bearer)
        )
        body = {"session_id": session}
        made = self.server.ask("POST", "/jobs", json=body, headers=self.bearer)
        assert made is not None
        job = made.json()["id"]

        def gone() -> bool:
            answer = httpx.delete(
                f"{self.server.address}/jobs/{job}", headers=self.bearer, timeout=60
            )
            return answer.status_code in {204, 404}

        answered: list[bool] = []

        def send() -> None:
            with suppress(httpx.HTTPError):
                answered.append(gone())

        thread = threading.Thread(target=send)
        thread.start()
        self.server.kill_soon(part, 0.05)
        in_the_middle, started = not answered, time.monotonic()
        thread.join()
        self.server.until(gone)
        assert not Job.objects.filter(pk=job).exists()
        assert not Dataset.objects.filter(pk=session).exists()
        return Run(in_the_middle, time.monotonic() - started)


STEPS = {
    "upload": Steps.upload,
    "analysis": Steps.analysis,
    "generation": Steps.generation,
    "deletion": Steps.deletion,
}
