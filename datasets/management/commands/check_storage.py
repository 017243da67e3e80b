from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from datasets.management.ages import add_older_than
from datasets.storage.files import differences


class Command(BaseCommand):
    help = "Lists files without a row and rows without their file; exits 1 for any."

    def add_arguments(self, parser: CommandParser) -> None:
        add_older_than(parser)

    def handle(self, *args: Any, older_than: float, **options: Any) -> None:
        found = differences(timedelta(minutes=older_than))
        for orphan in found.orphans:
            self.stdout.write(f"orphan\t{orphan.size}\t{orphan.key}")
        for kept in found.missing:
            self.stdout.write(f"missing\t{kept.size or ''}\t{kept.key}")
        if found.orphans or found.missing:
            raise CommandError(
                f"{len(found.orphans)} orphans and {len(found.missing)} missing or cut "
                "files; manage.py sweep deletes the orphans.",
                returncode=1,
            )
        self.stdout.write("Files and rows agree.")
