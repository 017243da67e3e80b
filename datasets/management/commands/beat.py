import time
from typing import Any

from django.core.management.base import BaseCommand
from django.db import close_old_connections

from datasets.work.engine import send_again
from datasets.work.maintenance import PeriodicTask, Scheduler

POLL_SECONDS = 5


class Command(BaseCommand):
    help = "Beside Celery: sends again what lost its worker, and tidies up."
    requires_system_checks = []  # `up` has run them

    def handle(self, *args: Any, **options: Any) -> None:
        scheduler = Scheduler()
        scheduler.tasks.append(PeriodicTask(send_again, POLL_SECONDS))
        while True:
            scheduler.run_due()
            close_old_connections()
            time.sleep(1)
