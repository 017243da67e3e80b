from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q

from datasets.models import Dataset
from datasets.storage.retention import delete_dataset
from jobs.models import Job
from jobs.services import delete_job
from slmgen.audit.services import Actor, audit


@transaction.atomic
def delete_account(user: User, *, by: Actor) -> None:
    """Deletes the user with everything they own: the rows in one transaction, then the
    files.

    Unowned data stays until it expires, as when only the job is deleted.
    """
    theirs = Q(owner=user) | Q(dataset__owner=user)
    for job in list(Job.objects.filter(theirs).select_related("dataset", "notebook")):
        delete_job(job, by=by)
    for dataset in list(Dataset.objects.filter(owner=user)):
        delete_dataset(dataset)
    audit(by, "delete", user)
    user.delete()
