import time
from typing import Any

from django.core.management.base import BaseCommand
from django.db import close_old_connections

from datasets.work.engine import send_again
from datasets.work.maintenance import PeriodicTask, Upkeep

SECONDS_BETWEEN_LOOKS = 5


class Command(BaseCommand):
    help = "Beside Celery: sends again what lost its worker, and tidies up."
    requires_system_checks = []  # `up` has run them

    def handle(self, *args: Any, **options: Any) -> None:
        upkeep = Upkeep()
        upkeep.tasks.append(PeriodicTask(send_again, SECONDS_BETWEEN_LOOKS))
        while True:
            upkeep.run_due()
            close_old_connections()
            time.sleep(1)
