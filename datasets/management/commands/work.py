import signal
import time
from types import FrameType
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from django.db import close_old_connections

from datasets.engine import work_once
from datasets.upkeep import Upkeep

SECONDS_BETWEEN_LOOKS = 0.5


class Command(BaseCommand):
    help = "Does what waits to be computed, one piece after the other, until stopped."
    requires_system_checks = []  # `up` has had them run

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--drain", action="store_true", help="Stop when nothing is waiting."
        )

    def handle(self, *args: Any, drain: bool, **options: Any) -> None:
        if drain:
            while work_once():
                pass
        elif settings.SLMGEN_TASKS == "celery":
            run_celery()
        else:
            run_embedded()


def run_embedded() -> None:
    signal.signal(signal.SIGTERM, stop)
    upkeep = Upkeep()
    while True:
        upkeep.look()
        if not work_once():
            close_old_connections()
            time.sleep(SECONDS_BETWEEN_LOOKS)


def stop(number: int, frame: FrameType | None) -> None:
    """What is being worked on is given back on the way out."""
    raise SystemExit(0)


def run_celery() -> None:
    # Imported when needed: most servers run without it.
    from slmgen.messenger import app

    app.worker_main(
        [
            *("worker", "--loglevel", "WARNING", "--pool", "prefork"),
            *("--concurrency", str(settings.SLMGEN_WORKERS), "--without-mingle"),
            *("--without-gossip", "--hostname", "slmgen@%h"),
        ]
    )
