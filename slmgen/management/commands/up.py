import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand

MANAGE = settings.BASE_DIR / "manage.py"
STOP_SECONDS = 20
RESTART_SECONDS = 1.0


class Command(BaseCommand):
    help = "Prepares the database and runs web server and workers until stopped."

    def handle(self, *args: Any, **options: Any) -> None:
        prepare()
        self.stdout.write(f"SLMGEN serves on http://{settings.HOST}:{settings.PORT}")
        self.stdout.flush()  # a log file would show it only at the end
        supervise(commands())


def prepare() -> None:
    # Under ASGI a request's body is spooled to the temporary folder, twice: keep it on
    # the disk that holds the files, not on a small /tmp in memory.
    temporary = Path(settings.FILE_UPLOAD_TEMP_DIR)
    os.environ["TMPDIR"] = str(temporary)
    for leftover in temporary.iterdir():
        leftover.unlink()
    call_command("check", fail_level="ERROR")
    call_command("migrate", interactive=False, verbosity=0)
    call_command("collectstatic", interactive=False, verbosity=0)


def web_command() -> list[str]:
    return [
        *(sys.executable, "-m", "uvicorn", "slmgen.asgi:application"),
        *("--host", settings.HOST, "--port", str(settings.PORT)),
        *("--no-proxy-headers", "--no-server-header", "--lifespan", "off"),
        *("--limit-concurrency", "200", "--timeout-graceful-shutdown", "15"),
        *("--log-level", "warning"),
    ]


def commands() -> dict[str, list[str]]:
    """What runs side by side; with Celery, somebody has to send again what was lost."""
    names = ["work", "beat"] if settings.SLMGEN_TASKS == "celery" else ["work"]
    workers = {name: [sys.executable, str(MANAGE), name] for name in names}
    return {"web": web_command(), **workers}


def supervise(commands: dict[str, list[str]]) -> None:
    """Keeps every process running; stops them all when it is told to stop."""
    stopping = False

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal stopping
        stopping = True

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    running = {name: start(command) for name, command in commands.items()}
    while not stopping:
        for name, process in running.items():
            if process.poll() is not None and not stopping:
                time.sleep(RESTART_SECONDS)
                running[name] = start(commands[name])
        time.sleep(0.2)
    stop_all(list(running.values()))


def start(command: list[str]) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(command, cwd=settings.BASE_DIR, start_new_session=True)


def stop_all(processes: "list[subprocess.Popen[bytes]]") -> None:
    for process in processes:
        process.terminate()
    deadline = time.monotonic() + STOP_SECONDS
    for process in processes:
        try:
            process.wait(max(deadline - time.monotonic(), 0.1))
        except subprocess.TimeoutExpired:
            process.kill()
