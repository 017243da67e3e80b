import signal
import time
from types import FrameType
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from django.db import close_old_connections

from datasets.work.engine import is_stopping, request_stop, work_once
from datasets.work.maintenance import Scheduler

POLL_SECONDS = 0.5


class Command(BaseCommand):
    help = "Does what waits to be computed, one piece after the other, until stopped."
    requires_system_checks = []  # `up` has run them

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--drain", action="store_true", help="Stop when nothing is waiting."
        )

    def handle(self, *args: Any, drain: bool, **options: Any) -> None:
        if drain:
            listen()
            while not is_stopping() and work_once():
                pass
        elif settings.SLMGEN_TASKS == "celery":
            run_celery()
        else:
            run_embedded()


def run_embedded() -> None:
    listen()
    scheduler = Scheduler()
    while not is_stopping():
        scheduler.run_due()
        if not work_once():
            close_old_connections()
            time.sleep(POLL_SECONDS)


def listen() -> None:
    """On SIGTERM a worker stops between two items, or requeues the current one at its
    next progress report."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)


def stop(number: int, frame: FrameType | None) -> None:
    request_stop()


def run_celery() -> None:
    # Imported late: most servers run without it.
    from slmgen.celery_app import app

    app.worker_main(
        [
            *("worker", "--loglevel", "WARNING", "--pool", "prefork"),
            *("--concurrency", str(settings.SLMGEN_WORKERS), "--without-mingle"),
            *("--without-gossip", "--hostname", "slmgen@%h"),
        ]
    )
