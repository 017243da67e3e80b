import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection

from slmgen.open_files import raise_limit

MANAGE = settings.BASE_DIR / "manage.py"
PARTS = ("web", "work", "beat")
STOP_SECONDS = 20
MIGRATING = 7_351_201  # any number that is nobody else's
RESTART_SECONDS = 1.0


class Command(BaseCommand):
    help = "Prepares the database and runs web server and workers until stopped."
    requires_system_checks = []  # `prepare` has them run

    def add_arguments(self, parser: CommandParser) -> None:
        help = "Run this part alone, on a host of its own."
        parser.add_argument("--only", choices=PARTS, help=help)

    def handle(self, *args: Any, only: str | None, **options: Any) -> None:
        prepare()
        if only in {None, "web"}:
            self.stdout.write(
                f"SLMGEN serves on http://{settings.HOST}:{settings.PORT}"
            )
            self.stdout.flush()  # a log file would show it only at the end
        chosen = {k: one for k, one in commands().items() if only in {None, k}}
        if not chosen:
            raise CommandError(f"{only} has nothing to do with these settings.")
        supervise(chosen)


def prepare() -> None:
    # Under ASGI a request's body is spooled to the temporary folder, twice: keep it on
    # the disk that holds the files, not on a small /tmp in memory.
    temporary = Path(settings.FILE_UPLOAD_TEMP_DIR)
    os.environ["TMPDIR"] = str(temporary)
    # Threads of numpy's linear algebra, of which there is none here, would only spin.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # Figures of processes that ended before are counted no more.
    leftovers = [*temporary.iterdir(), *settings.METRICS_FOLDER.glob("*.db")]
    for leftover in leftovers:
        leftover.unlink()
    raise_limit()  # for what is started from here too
    check()
    with one_at_a_time():
        call_command("migrate", interactive=False, verbosity=0)
    call_command("collectstatic", interactive=False, verbosity=0)


def check() -> None:
    """In a process of its own: the vocabularies that it loads to compare stay in memory
    for as long as that runs, and `up` runs long."""
    done = subprocess.run([sys.executable, str(MANAGE), "check"], cwd=settings.BASE_DIR)
    if done.returncode:
        raise CommandError("SLMGEN does not start with these settings.")


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Several hosts that start together migrate one after the other."""
    if connection.vendor != "postgresql":
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [MIGRATING])
        try:
            yield
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [MIGRATING])


def web_command() -> list[str]:
    return [
        *(sys.executable, "-m", "uvicorn", "slmgen.asgi:application"),
        *("--host", settings.HOST, "--port", str(settings.PORT)),
        *("--http", "slmgen.protocol:PatientProtocol", "--lifespan", "off"),
        *("--no-proxy-headers", "--no-server-header"),
        *("--ws", "none", "--timeout-graceful-shutdown", "15"),
        *("--log-level", "warning", "--no-access-log"),
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
