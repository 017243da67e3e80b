"""Periodic tasks of the process that looks after the queue."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from django.core.management import call_command
from django.db import DatabaseError

from datasets.storage.files import delete_discarded, sweep

logger = logging.getLogger("slmgen.upkeep")


@dataclass
class PeriodicTask:
    do: Callable[[], object]
    seconds: float  # between two runs
    due: float = 0.0


@dataclass
class Scheduler:
    tasks: list[PeriodicTask] = field(
        default_factory=lambda: [
            PeriodicTask(delete_discarded, 10),
            PeriodicTask(sweep, 3600),
            # A command, because it looks at what apps above this one store.
            PeriodicTask(partial(call_command, "expire"), 600),
        ]
    )

    def run_due(self) -> None:
        """Runs the tasks that are due. Safe to repeat and to run in parallel."""
        for task in self.tasks:
            if time.monotonic() < task.due:
                continue
            task.due = time.monotonic() + task.seconds
            try:
                task.do()
            except (OSError, DatabaseError):
                logger.exception("a periodic task was not done; trying again later")
