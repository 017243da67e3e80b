"""Datasets that a browser uploaded before its user signed in become the user's."""

import uuid

from django.contrib.auth.models import User
from django.contrib.sessions.backends.base import SessionBase
from django.db import transaction

from datasets.models import Dataset
from datasets.pages.session import remembered
from jobs.models import Job
from jobs.services import record_notebook
from notebooks.models import Notebook


def adopt(session: SessionBase, user: User) -> None:
    """Skips datasets with an owner, and those that another account has a job on: anyone
    who knows the address of an unowned dataset may have started one."""
    for key in _free(remembered(session), user):
        with transaction.atomic():
            unowned = Dataset.objects.filter(pk=key, owner=None)
            if unowned.update(owner=user.pk):
                _keep_history(key, user)


def _free(keys: list[uuid.UUID], user: User) -> list[uuid.UUID]:
    foreign = Job.objects.filter(dataset__in=keys).exclude(owner=user.pk)
    unowned = Dataset.objects.filter(pk__in=keys, owner=None)
    free = unowned.exclude(pk__in=foreign.values("dataset"))
    return list(free.values_list("pk", flat=True))


def _keep_history(dataset_id: uuid.UUID, user: User) -> None:
    """A notebook that was generated before the sign-in becomes a job, as one does after
    it."""
    made = Notebook.objects.filter(dataset=dataset_id).select_related("dataset")
    without_job = made.exclude(
        pk__in=Job.objects.exclude(notebook=None).values("notebook")
    )
    for notebook in without_job:
        job = record_notebook(owner=user, notebook=notebook)
        Job.objects.filter(pk=job.pk).update(created_at=notebook.created_at)
