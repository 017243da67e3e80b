import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import OperationalError, connection

from slmgen.processes import file_locks, startup
from slmgen.processes.open_files import raise_limit
from slmgen.processes.supervisor import supervise

MANAGE = settings.BASE_DIR / "manage.py"
PARTS = ("web", "work", "beat")
# The id of a PostgreSQL advisory lock, any number that no other program uses
MIGRATING = 7_351_201


class Command(BaseCommand):
    help = "Prepares the database and runs web server and workers until stopped."
    requires_system_checks = []  # `prepare` runs them

    def add_arguments(self, parser: CommandParser) -> None:
        help = "Run this part alone, on a host of its own."
        parser.add_argument("--only", choices=PARTS, help=help)

    def handle(self, *args: Any, only: str | None, **options: Any) -> None:
        chosen = {k: one for k, one in commands().items() if only in {None, k}}
        if not chosen:
            raise CommandError(f"{only} has nothing to do with these settings.")
        try:
            held = prepare(list(chosen))
        except (OSError, OperationalError) as error:
            raise CommandError(f"SLMGEN does not start: {error}") from error
        if "web" in chosen:
            self.stdout.write(
                f"SLMGEN serves on http://{settings.HOST}:{settings.PORT}"
            )
            self.stdout.flush()  # a log file would show it only at the end
        supervise(chosen, held, cwd=settings.BASE_DIR)


def prepare(parts: list[str]) -> dict[str, int]:
    """Prepares the folder, the database and the checks; returns the locks of these
    parts."""
    startup.check_state()
    # Under ASGI a request's body is written to the temporary folder, twice. It belongs
    # on the disk that holds the files, not on a small /tmp in memory.
    os.environ["TMPDIR"] = str(settings.FILE_UPLOAD_TEMP_DIR)
    # Threads for numpy's linear algebra, which is not used here, would only spin.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # Processes that start at the same time on one folder take turns.
    with file_locks.locked(startup.lock_of("start")):
        held = startup.claim(parts)
        if "web" in parts:
            startup.check_port()
        startup.clear_leftovers(set(PARTS) - set(parts))
        raise_limit()  # child processes inherit it
        check()
        startup.check_database()
        with migration_lock():
            call_command("migrate", interactive=False, verbosity=0)
        call_command("collectstatic", interactive=False, verbosity=0)
    return held


def check() -> None:
    """Runs the checks in a process of its own: the vocabularies that they load would
    stay in the memory of `up`, which runs for long."""
    done = subprocess.run([sys.executable, str(MANAGE), "check"], cwd=settings.BASE_DIR)
    if done.returncode:
        raise CommandError("SLMGEN does not start with these settings.")


@contextmanager
def migration_lock() -> Iterator[None]:
    """Makes hosts that start together migrate one after the other."""
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
        *(
            "--http",
            "slmgen.http.head_timeout:HeadTimeoutProtocol",
            "--lifespan",
            "off",
        ),
        *("--no-proxy-headers", "--no-server-header"),
        *("--ws", "none", "--timeout-graceful-shutdown", "15"),
        *("--log-level", "warning", "--no-access-log"),
    ]


def commands() -> dict[str, list[str]]:
    """The processes to run; with Celery also `beat`, which sends lost messages
    again."""
    names = ["work", "beat"] if settings.SLMGEN_TASKS == "celery" else ["work"]
    workers = {name: [sys.executable, str(MANAGE), name] for name in names}
    return {"web": web_command(), **workers}
