"""Everything that belongs to a user, as a zip file that is streamed while it is
written."""

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount
from django.contrib.auth.models import User
from django.core.files.storage import default_storage
from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import Model, Q, QuerySet
from django.utils import timezone

from datasets.models import Dataset, WorkItem
from datasets.storage.files import opened
from jobs.models import Job, JobEvent, TrainingPoint, TrainingRun
from notebooks.models import Notebook
from recommender.models import Recommendation
from slmgen.audit.services import audit
from slmgen.identity.models import ApiToken, Identity

PIECE_BYTES = 256 * 1024
# Credentials are left out: they are no facts about the user.
SECRET = {"password", "hash", "secret_hash"}


@dataclass(frozen=True)
class Entry:
    """A file of the archive: either `text`, or what is stored under `key`."""

    name: str
    text: str = ""
    key: str = ""


def export(user: User) -> Iterator[bytes]:
    """The archive in chunks, none of them empty."""
    audit(user, "export", user)
    return _pieces(user)


def _pieces(user: User) -> Iterator[bytes]:
    pipe = _Pipe()
    with ZipFile(pipe, "w", ZIP_DEFLATED) as archive:
        for entry in entries(user):
            head = ZipInfo(entry.name, timezone.now().timetuple()[:6])
            head.compress_type = ZIP_DEFLATED
            with archive.open(head, "w", force_zip64=True) as target:
                for piece in _content(entry):
                    target.write(piece)
                    if pipe.size >= PIECE_BYTES:
                        yield pipe.take()
    yield pipe.take()


def entries(user: User) -> Iterator[Entry]:
    yield Entry("account.json", _json(_account(user)))
    for dataset in _datasets_of(user):
        folder = f"datasets/{dataset.pk}"
        yield Entry(f"{folder}/dataset.json", _json(_dataset(dataset)))
        for key in (dataset.original_key, dataset.examples_key, dataset.problems_key):
            if default_storage.exists(key):
                yield Entry(f"{folder}/{key.rpartition('/')[2]}", key=key)
        for notebook in Notebook.objects.filter(dataset=dataset):
            yield Entry(f"notebooks/{notebook.pk}.json", _json(_facts(notebook)))
            if default_storage.exists(notebook.key):
                yield Entry(f"notebooks/{notebook.filename}", key=notebook.key)
    for job in Job.objects.filter(owner=user):
        yield Entry(f"jobs/{job.pk}.json", _json(_job(job)))


def _datasets_of(user: User) -> QuerySet[Dataset]:
    """The user's own datasets, and unowned ones that their jobs use."""
    used = Job.objects.filter(owner=user).values("dataset")
    return Dataset.objects.filter(Q(owner=user) | Q(owner=None, pk__in=used))


def _account(user: User) -> dict[str, Any]:
    return {
        "user": _facts(user),
        "email_addresses": _all(EmailAddress.objects.filter(user=user)),
        "sign_in_by": _all(SocialAccount.objects.filter(user=user)),
        "identities": _all(Identity.objects.filter(user=user)),
        "api_tokens": _all(ApiToken.objects.filter(user=user)),
    }


def _dataset(dataset: Dataset) -> dict[str, Any]:
    return {
        **_facts(dataset),
        "work": _all(WorkItem.objects.filter(dataset=dataset)),
        "recommendations": _all(Recommendation.objects.filter(dataset=dataset)),
    }


def _job(job: Job) -> dict[str, Any]:
    return {
        **_facts(job),
        "history": _all(JobEvent.objects.filter(job=job)),
        "training": _all(TrainingRun.objects.filter(job=job)),
        "training_events": _all(TrainingPoint.objects.filter(run__job=job)),
    }


def _all(rows: "QuerySet[Any]") -> list[dict[str, Any]]:
    return [_facts(row) for row in rows]


def _facts(row: Model) -> dict[str, Any]:
    fields = [one for one in row._meta.concrete_fields if one.name not in SECRET]
    return {one.attname: one.value_from_object(row) for one in fields}


def _json(value: dict[str, Any]) -> str:
    return json.dumps(value, cls=DjangoJSONEncoder, indent=2, ensure_ascii=False)


def _content(entry: Entry) -> Iterator[bytes]:
    if not entry.key:
        yield entry.text.encode()
        return
    with opened(entry.key) as file:
        while piece := file.read(PIECE_BYTES):
            yield piece


@dataclass
class _Pipe(io.RawIOBase):
    """The write end of a ZipFile: holds what was written and not yet taken. Cannot
    seek."""

    pieces: list[bytes] = field(default_factory=list)
    size: int = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.pieces.append(bytes(data))
        self.size += len(data)
        return len(data)

    def take(self) -> bytes:
        taken, self.pieces, self.size = b"".join(self.pieces), [], 0
        return taken
