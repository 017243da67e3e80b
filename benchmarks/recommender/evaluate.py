from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from benchmarks.recommender.evaluation import report
from benchmarks.recommender.evidence import read_evidence
from recommender.services import catalog
from slmgen.errors import InvalidInput


class Command(BaseCommand):
    help = "Prints how far the recommender lies from published measurements."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "folder",
            nargs="?",
            type=Path,
            default=settings.BASE_DIR / "tests" / "data" / "evidence",
            help="Where the evidence lies (default: tests/data/evidence)",
        )

    def handle(self, *args: Any, folder: Path, **options: Any) -> None:
        try:
            evidence = read_evidence(folder)
        except InvalidInput as error:
            raise CommandError(error.detail) from error
        for line in report(catalog(), evidence):
            self.stdout.write(line)
