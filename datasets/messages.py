"""What a Celery worker does with a message."""

from celery import shared_task

from datasets.engine import work_on
from slmgen.messenger import WORK


@shared_task(name=WORK)  # type: ignore[untyped-decorator]  # Celery is not annotated
def work(item_id: str) -> None:
    work_on(item_id)
