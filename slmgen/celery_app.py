"""Celery, which carries the ids of work items to workers on any number of hosts.

A message is only a hint to look at a row; the row decides whether there is anything to
do. Redis may lose everything: `manage.py beat` sends it again.
"""

import logging
from multiprocessing import process
from uuid import UUID

from celery import Celery
from celery.signals import worker_process_init
from django.conf import settings
from kombu.exceptions import OperationalError

logger = logging.getLogger("slmgen.work")

WORK = "slmgen.work"
MAIN = process.current_process()  # before Celery replaces it with an object of its own


@worker_process_init.connect  # type: ignore[untyped-decorator]  # celery is not annotated
def may_have_children(**_: object) -> None:
    """Celery's pool processes count as daemons, which may start no children. Ours start
    some, to read data under limits, and end them themselves."""
    process._current_process = MAIN  # type: ignore[attr-defined]


app = Celery(
    "slmgen", broker=settings.REDIS_URL, include=["datasets.work.celery_messages"]
)
app.conf.update(
    task_serializer="json",
    accept_content=["json"],
    task_ignore_result=True,
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
    worker_hijack_root_logger=False,
    worker_cancel_long_running_tasks_on_connection_loss=False,
    broker_connection_retry_on_startup=True,
    broker_transport_options={"socket_timeout": 5, "socket_connect_timeout": 2},
)


def send_work(item_id: UUID) -> bool:
    """Whether Redis accepted the message. Never raises: it can be sent again."""
    try:
        app.send_task(WORK, (str(item_id),), retry=False)
    except OperationalError:
        logger.warning("Redis does not answer; the work is sent again later")
        return False
    return True
