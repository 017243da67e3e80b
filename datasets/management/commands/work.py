import time
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandParser
from django.db import close_old_connections

from datasets.tasks import work_once

SECONDS_BETWEEN_LOOKS = 0.5
SECONDS_BETWEEN_EXPIRIES = 600.0


class Command(BaseCommand):
    help = "Analyzes what was uploaded, one dataset after the other, until stopped."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--drain", action="store_true", help="Stop when nothing is waiting."
        )

    def handle(self, *args: Any, drain: bool, **options: Any) -> None:
        due = 0.0
        while True:
            if not drain and time.monotonic() >= due:
                due = time.monotonic() + SECONDS_BETWEEN_EXPIRIES
                call_command("expire")
            found = work_once()
            if not found and drain:
                return
            if not found:
                close_old_connections()
                time.sleep(SECONDS_BETWEEN_LOOKS)
