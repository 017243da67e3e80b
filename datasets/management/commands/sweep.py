from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from datasets.management.ages import add_older_than
from datasets.storage.files import sweep


class Command(BaseCommand):
    help = "Deletes files that no row speaks of, and finishes deletions."

    def add_arguments(self, parser: CommandParser) -> None:
        add_older_than(parser)

    def handle(self, *args: Any, older_than: float, **options: Any) -> None:
        count = sweep(timedelta(minutes=older_than))
        self.stdout.write(f"{count} orphans deleted.")
