import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from datasets.core.analysis.profile import Profile
from datasets.models import AnyUser, Dataset
from datasets.services import find_dataset, parse_id, stored_profile
from datasets.storage.quotas import check_count, lock_quota
from datasets.storage.retention import delete_dataset
from datasets.work.engine import Claim, handles
from jobs.events import Kind, Source, record_event
from jobs.models import EDITABLE_IN, MOVES, Job
from jobs.training.runs import Training, training_of
from notebooks import services as notebooks
from notebooks.models import Notebook
from notebooks.services import (
    check_training_config,
    delete_notebook,
    needed_settings,
    planned,
)
from recommender.core.catalog.catalog import ModelSpec, parse_target, parse_task
from recommender.core.catalog.gpus import DEFAULT_GPU, parse_gpu
from recommender.core.estimates.wording import Words
from recommender.services import catalog, last_need
from slmgen.audit.services import Actor, audit
from slmgen.error_text import named_one_of
from slmgen.errors import Conflict, InvalidInput, NotFound


@dataclass(frozen=True)
class JobDetails:
    """A job with details of its dataset, model and notebook."""

    job: Job
    profile: Profile | None
    model_name: str | None
    training: Training | None


@dataclass(frozen=True)
class Configuration:
    """The configuration a caller may set; None leaves a field unchanged."""

    model_id: str | None = None
    task_type: str | None = None
    deployment_target: str | None = None
    training_config: Mapping[str, Any] | None = None

    def checked(self) -> dict[str, Any]:
        """The chosen values in the words of the catalog. Raises InvalidInput."""
        values: dict[str, Any] = {}
        if self.model_id is not None:
            values["model_id"] = catalog().get(self.model_id).slug
        if self.task_type is not None:
            values["task_type"] = parse_task(self.task_type).value
        if self.deployment_target is not None:
            values["deployment_target"] = parse_target(self.deployment_target).value
        if self.training_config is not None:
            check_training_config(self.training_config)
            values["training_config"] = dict(self.training_config)
        return values


@dataclass(frozen=True)
class JobChange:
    status: str | None = None
    configuration: Configuration = field(default_factory=Configuration)
    source: Source = Source.OWNER
    reason: str = ""


def create_job(*, owner: User, session_id: str, configuration: Configuration) -> Job:
    values = configuration.checked()
    dataset = find_dataset(parse_id(session_id), user=owner)
    return _made(Job(owner=owner, dataset=dataset, **values))


@transaction.atomic
def _made(job: Job) -> Job:
    lock_quota("jobs", job.owner_id)
    kept = Job.objects.filter(owner=job.owner_id).count()
    check_count(kept, settings.SLMGEN_QUOTA_JOBS, "jobs")
    job.save(force_insert=True)
    record_event(job, Kind.MADE, Source.OWNER)
    return job


@transaction.atomic
def record_notebook(*, owner: User, notebook: Notebook) -> Job:
    """The job of a generated notebook, created once. A notebook that compares models
    gives a job without a model."""
    lock_quota("jobs", owner.pk)
    job = Job.objects.filter(owner=owner, notebook=notebook).first()
    if job is not None:
        return job
    need = last_need(notebook.dataset)
    return _made(
        Job(
            owner=owner,
            dataset=notebook.dataset,
            notebook=notebook,
            model_id="" if notebook.candidates else notebook.model_id,
            task_type=need.task.value if need else "",
            deployment_target=need.target.value if need else "",
            training_config=notebook.training_config,
        )
    )


def generate_notebook(
    dataset: Dataset, *, models: Sequence[ModelSpec], user: AnyUser, **chosen: Any
) -> Notebook:
    """Generates a notebook; a signed-in user's becomes a job."""
    notebook = notebooks.generate_notebook(dataset, models=models, user=user, **chosen)
    if isinstance(user, User):
        record_notebook(owner=user, notebook=notebook)
    return notebook


@handles(notebooks.WORK_KIND, label="The notebook", asked_by_post=True)
def generate_as_work(claim: Claim) -> None:
    """The same, as the handler of work."""
    owner = User.objects.filter(pk=claim.item.payload["user"]).first()

    def record(notebook: Notebook) -> None:
        if owner is not None:
            record_notebook(owner=owner, notebook=notebook)

    notebooks.make_as_work(claim, record)


def list_jobs(*, user: AnyUser, limit: int, offset: int) -> list[Job]:
    jobs = Job.objects.visible_to(user).select_related("dataset")
    return list(jobs[offset : offset + limit])


def find_job(job_id: str, *, user: AnyUser) -> Job:
    missing = NotFound("There is no job with this id; GET /jobs lists yours.")
    try:
        key = uuid.UUID(job_id)
    except ValueError:
        raise missing from None
    jobs = Job.objects.visible_to(user).filter(pk=key)
    job = jobs.select_related("dataset", "notebook", "training_run").first()
    if job is None:
        raise missing
    return job


def model_names(job: Job) -> list[str]:
    """Names of the models it trains: one, or those that its notebook compares."""
    slugs = [job.model_id] if job.model_id else []
    if job.notebook and job.notebook.candidates:
        slugs = job.notebook.candidates
    return [catalog().name_of(slug) for slug in slugs] or ["no model chosen"]


def clone_of(job: Job) -> dict[str, Any]:
    """The settings for another job like this one. Raises Conflict where its model has
    left the catalog."""
    if not job.model_id:
        return dict(job.training_config)
    model = catalog().find(job.model_id)
    if model is None:
        raise Conflict(
            f"The model {job.model_id} of this job has left the catalog, so the job "
            "cannot be cloned; choose another model for the same dataset."
        )
    gpu = parse_gpu(gpu_of(job))
    return needed_settings(
        job.dataset, model=model, wanted=job.training_config, gpu=gpu
    )


def gpu_of(job: Job) -> str:
    """The GPU its notebook was planned for; the free one by default."""
    return (job.notebook.gpu if job.notebook else "") or DEFAULT_GPU.name


def planned_training(job: Job) -> dict[str, Words]:
    """What the notebook states about the training of each model."""
    return planned(job.notebook) if job.notebook else {}


def details_of(job: Job) -> JobDetails:
    name = catalog().name_of(job.model_id) if job.model_id else None
    return JobDetails(job, stored_profile(job.dataset), name, training_of(job))


@transaction.atomic
def change_job(job: Job, change: JobChange) -> Job:
    """Applies all of a change, or raises InvalidInput and applies none of it."""
    values = change.configuration.checked()
    if values and job.status not in EDITABLE_IN:
        raise InvalidInput(
            f"A {job.status} job cannot be edited, only one that is "
            f"{' or '.join(EDITABLE_IN)}; create a new job."
        )
    if change.status is not None:
        values["status"] = _checked_move(job, change.status)
    if not values:
        return job
    # The condition on the status refuses a change that another request has overtaken.
    unchanged = Job.objects.filter(pk=job.pk, status=job.status)
    if not unchanged.update(**values, updated_at=timezone.now()):
        raise InvalidInput("The job changed meanwhile; read it and try again.")
    if values.get("status", job.status) != job.status:
        record_event(
            job, Kind.MOVED, change.source,
            status=values["status"], reason=change.reason,
        )  # fmt: skip
    job.refresh_from_db()
    return job


def _checked_move(job: Job, status: str) -> str:
    allowed = MOVES[job.status]
    if status not in Job.Status.values:
        raise InvalidInput(named_one_of("status", status, Job.Status.values))
    if status == job.status or status in allowed:
        return status
    rest = f"only {' or '.join(allowed)}" if allowed else "it has ended"
    raise InvalidInput(f"A {job.status} job cannot become {status}, {rest}.")


@transaction.atomic
def delete_job(job: Job, *, by: Actor, keep_dataset: bool = False) -> None:
    """Deletes the job, and its notebook unless another job has it; also its dataset if
    requested and `may_take_dataset` allows it."""
    # Locks the row that reports wait for first; the dataset may have got an owner
    # meanwhile.
    list(Job.objects.select_for_update().filter(pk=job.pk))
    job.dataset = Dataset.objects.select_for_update().get(pk=job.dataset_id)
    takes_dataset = may_take_dataset(job) and not keep_dataset
    audit(by, "delete", job)
    Job.objects.filter(pk=job.pk).delete()
    notebook = job.notebook
    if notebook is not None and not Job.objects.filter(notebook=notebook).exists():
        delete_notebook(notebook)
    if takes_dataset or _is_empty_and_unused(job.dataset):
        delete_dataset(job.dataset)


def may_take_dataset(job: Job) -> bool:
    """Whether the dataset may be deleted with the job: it has no other owner, and no
    other job uses it."""
    used = Job.objects.filter(dataset=job.dataset_id).exclude(pk=job.pk)
    return job.dataset.owner_id == job.owner_id and not used.exists()


def _is_empty_and_unused(dataset: Dataset) -> bool:
    """An expired dataset remains only for its jobs, and is visible to nobody."""
    used = Job.objects.filter(dataset=dataset).exists()
    return dataset.emptied_at is not None and not used
