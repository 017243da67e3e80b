import hashlib
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, BinaryIO

from django.core import signing
from django.db import transaction
from django.db.models import QuerySet

from datasets.models import AnyUser, Dataset
from datasets.services import open_verified_file
from datasets.storage.files import StoredFile, discard, names_files, storage, verified
from datasets.work import engine, results
from datasets.work.engine import Claim
from notebooks.core.building.lint import lint
from notebooks.core.planning import settings
from notebooks.core.planning.plan import TrainingPlan, plan
from notebooks.generation import DATA_SIGNER, make_notebook, plans_of, source
from notebooks.models import Notebook
from recommender.core.catalog.catalog import ModelSpec
from recommender.core.catalog.gpus import DEFAULT_GPU, Gpu, parse_gpu
from recommender.core.estimates.wording import Words, figures_of, words_of
from recommender.services import catalog, data_of
from slmgen.errors import Conflict, NotFound

WORK_KIND = "notebook"  # of a work item that generates one


def check_training_config(config: Mapping[str, Any]) -> None:
    """Raises InvalidInput for an unknown setting or a value out of range."""
    settings.checked(config)


def plan_training(
    dataset: Dataset,
    *,
    model: ModelSpec,
    training_config: Mapping[str, Any] | None,
    gpu: Gpu = DEFAULT_GPU,
) -> TrainingPlan:
    """The plan of a notebook. Raises InvalidInput for a setting that makes no sense."""
    return plan(model, data_of(dataset), training_config, gpu)


def needed_settings(
    dataset: Dataset,
    *,
    model: ModelSpec,
    wanted: Mapping[str, Any],
    gpu: Gpu = DEFAULT_GPU,
) -> dict[str, Any]:
    """The fewest settings that give a plan with all of `wanted`: a value that is
    computed anyway need not be chosen."""
    data = data_of(dataset)
    chosen = {name: wanted[name] for name in ("preset",) if name in wanted}
    for _ in wanted:
        used = plan(model, data, chosen, gpu).settings
        missing = {name: v for name, v in wanted.items() if used.get(name) != v}
        if not missing:
            break
        chosen |= missing
    return chosen


def generate_notebook(
    dataset: Dataset,
    *,
    models: Sequence[ModelSpec],
    training_config: Mapping[str, Any] | None = None,
    gpu: Gpu = DEFAULT_GPU,
    server: str = "",
    user: AnyUser | None = None,
) -> Notebook:
    """Plans, builds, checks and stores a notebook: everything, or nothing. Several
    models are compared in one.

    `server` is the address that data which is not embedded is downloaded from. Large
    data makes this work for a worker: raises NotReady until it is done.
    """
    # Invalid settings are refused at once.
    plans = plans_of(dataset, models, training_config, gpu)
    if results.is_small(dataset):
        return make_notebook(dataset, plans, server)
    payload = {
        "models": [model.slug for model in models],
        "config": dict(training_config or {}),
        "gpu": gpu.name,
        "server": server,
        "user": user.pk if user is not None else None,
        "source": hashlib.sha256(source().encode()).hexdigest(),
    }
    item = results.done(dataset, WORK_KIND, payload)
    made = Notebook.objects.filter(pk=item.result["notebook"]).first()
    if made is None:  # it was deleted since
        engine.restart(item)
        made = Notebook.objects.get(pk=results.finished(item).result["notebook"])
    return made


def make_as_work(claim: Claim, on_commit_row: Callable[[Notebook], None]) -> None:
    """The notebook that a work item asks for; `on_commit_row` is called in the
    transaction that inserts it."""
    dataset, asked = claim.item.dataset, claim.item.payload

    def finish(notebook: Notebook) -> None:
        claim.finish(result={"notebook": str(notebook.pk)})
        on_commit_row(notebook)

    # Older requests could not name a GPU and were planned for this one.
    gpu = parse_gpu(asked.get("gpu", DEFAULT_GPU.name))
    models = [catalog().get(slug) for slug in asked["models"]]
    plans = plans_of(dataset, models, asked["config"], gpu)
    make_notebook(dataset, plans, asked["server"], finish)


def open_data(token: str) -> BinaryIO:
    """The examples that a notebook's link leads to. Raises NotFound."""
    gone = NotFound("This link is not valid any more; generate the notebook again.")
    try:
        dataset_id, _, end = DATA_SIGNER.unsign(token).partition("_")
    except signing.BadSignature:
        raise gone from None
    dataset = Dataset.objects.filter(pk=dataset_id, emptied_at=None).first()
    if dataset is None or int(end) < time.time():
        raise gone
    return open_verified_file(dataset)


@names_files
def files_of_notebooks(datasets: QuerySet[Dataset]) -> Iterator[StoredFile]:
    for notebook in Notebook.objects.filter(dataset__in=datasets).iterator():
        yield StoredFile(notebook.key, notebook.size)


def find_notebook(filename: str, *, user: AnyUser) -> Notebook:
    known = Notebook.objects.visible_to(user).filter(filename=filename)
    notebook = None if "\0" in filename else known.first()  # PostgreSQL accepts no NUL
    if notebook is None:
        raise NotFound(
            "There is no notebook at this address; POST /generate makes one."
        )
    return notebook


def find_notebook_by_id(notebook_id: uuid.UUID, *, user: AnyUser) -> Notebook:
    notebooks = Notebook.objects.visible_to(user).select_related("dataset")
    notebook = notebooks.filter(pk=notebook_id).first()
    if notebook is None:
        raise NotFound("There is no notebook at this address.")
    return notebook


def latest_notebook(dataset: Dataset) -> Notebook | None:
    return Notebook.objects.filter(dataset=dataset).first()


def names_of(notebook: Notebook) -> list[str]:
    """The name of its model, or the names of all that it compares."""
    slugs = notebook.candidates or [notebook.model_id]
    return [catalog().name_of(slug) for slug in slugs]


def planned(notebook: Notebook) -> dict[str, Words]:
    """What the introduction states about the training, by the name of each model."""
    sentences = [words_of(figures_of(figures)) for figures in notebook.figures]
    # Older notebooks have none
    return dict(zip(names_of(notebook), sentences, strict=False))


def read_notebook(notebook: Notebook) -> bytes:
    """The whole file, whose size a setting bounds."""
    with verified(notebook.key, notebook.sha256) as file:
        return file.read()


def link_to(notebook: Notebook) -> str | None:
    """A short-lived address of the file itself, where the storage has one."""
    return storage().link(notebook.key, notebook.filename)


def lint_notebook(notebook: Notebook) -> list[str]:
    """The faults of the stored file by today's rules; it had none when it was
    generated."""
    try:
        content = read_notebook(notebook)
    except Conflict:
        return ["its file is missing or damaged"]
    return lint(content, notebook.training_config.get("backend", "unsloth"))


def delete_notebook(notebook: Notebook) -> None:
    with transaction.atomic():
        Notebook.objects.filter(pk=notebook.pk).delete()
        discard([notebook.key])


def delete_notebooks_of(dataset: Dataset) -> None:
    for notebook in Notebook.objects.filter(dataset=dataset):
        delete_notebook(notebook)
