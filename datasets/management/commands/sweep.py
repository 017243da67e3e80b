from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from datasets.files import ORPHAN_AGE, sweep


class Command(BaseCommand):
    help = "Deletes files that no row speaks of, and finishes deletions."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--older-than",
            type=float,
            default=ORPHAN_AGE.total_seconds() / 60,
            metavar="MINUTES",
            help="Leave younger files: they may be in use (default %(default)g).",
        )

    def handle(self, *args: Any, older_than: float, **options: Any) -> None:
        count = sweep(timedelta(minutes=older_than))
        self.stdout.write(f"{count} orphans deleted.")
