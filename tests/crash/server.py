"""The product as `manage.py up` starts it, its parts killed by name."""

import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx

REPO = Path(__file__).resolve().parents[2]
SECONDS_TO_ANSWER = 90
PARTS = {"web": "uvicorn", "worker": "work"}  # a word of their command lines


class Server:
    def __init__(self, environment: dict[str, str]) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.address = f"http://127.0.0.1:{port}"
        self.environment = {**environment, "PORT": str(port)}
        with Path(environment["SLMGEN_VAR"], "log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "up"],
                cwd=REPO,
                env=self.environment,
                stdout=subprocess.DEVNULL,
                stderr=log,
            )
        self.wait_until_it_answers()

    def wait_until_it_answers(self) -> None:
        self.until(lambda: self.get("/health"))

    def until(self, found: Callable[[], object]) -> float:
        """Asks until there is an answer; gives the seconds that took."""
        started = time.monotonic()
        while time.monotonic() - started < SECONDS_TO_ANSWER:
            try:
                if found():
                    return time.monotonic() - started
            except httpx.HTTPError:
                pass  # it is down just now
            time.sleep(0.05)
        raise SystemExit(f"nothing happened within {SECONDS_TO_ANSWER} seconds")

    def get(self, path: str, **options: object) -> httpx.Response | None:
        return self.ask("GET", path, **options)

    def ask(self, method: str, path: str, **options: object) -> httpx.Response | None:
        """The answer when it is a success; None to ask again."""
        answer = httpx.request(method, self.address + path, timeout=60, **options)  # type: ignore[arg-type]
        if answer.status_code in {202, 429, 503}:
            return None
        assert answer.is_success, (path, answer.status_code, answer.text)
        return answer

    def upload(self, content: bytes, **options: object) -> str:
        answer = self.ask("POST", "/upload", files={"file": content}, **options)
        assert answer is not None
        return str(answer.json()["session_id"])

    def pid_of(self, part: str) -> int | None:
        children = f"/proc/{self.process.pid}/task/{self.process.pid}/children"
        for pid in Path(children).read_text(encoding="utf-8").split():
            try:
                words = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
            except (FileNotFoundError, ProcessLookupError):
                continue
            if PARTS[part] in words:
                return int(pid)
        return None

    def kill(self, part: str, number: int = signal.SIGKILL) -> None:
        """The part with all its processes, as a machine would lose them."""
        self.until(lambda: self.pid_of(part))
        pid = self.pid_of(part)
        assert pid is not None
        os.killpg(pid, number)

    def kill_soon(self, part: str, within: float) -> None:
        time.sleep(random.uniform(0, within))
        self.kill(part)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(60)
