from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand

from jobs.maintenance import purge_expired


class Command(BaseCommand):
    help = "Removes expired sessions, ended training secrets and half-written files."

    def handle(self, *args: Any, **options: Any) -> None:
        for name, count in asdict(purge_expired()).items():
            self.stdout.write(f"{name.replace('_', ' ')}: {count}")
