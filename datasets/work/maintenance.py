"""What has to be done from time to time, by whoever looks after the queue."""

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
class Chore:
    do: Callable[[], object]
    seconds: float  # between two times
    due: float = 0.0


@dataclass
class Upkeep:
    chores: list[Chore] = field(
        default_factory=lambda: [
            Chore(delete_discarded, 10),
            Chore(sweep, 3600),
            # By its name: it looks at what apps to the left of this one keep.
            Chore(partial(call_command, "expire"), 600),
        ]
    )

    def look(self) -> None:
        """Does what is due. Again, or by several at once, it does no harm."""
        for chore in self.chores:
            if time.monotonic() < chore.due:
                continue
            chore.due = time.monotonic() + chore.seconds
            try:
                chore.do()
            except (OSError, DatabaseError):
                logger.exception("a chore was not done; trying again later")
