from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from slmgen.operations.retention import expire, forget_ended


class Command(BaseCommand):
    help = (
        "Deletes data and notebooks whose time is over; the worker does so by itself."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        expired = expire(timezone.now())
        forget_ended()
        if int(options["verbosity"]) > 1 or any(vars(expired).values()):
            self.stdout.write(
                f"{expired.deleted} datasets deleted, {expired.emptied} emptied."
            )
