import hashlib
import re
import secrets
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO

from django.conf import settings
from django.core import signing
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction

from datasets.files import Kept, discard, keeper, open_file, storage, verified
from datasets.models import AnyUser, Dataset
from datasets.services import open_verified_examples, profile_of
from notebooks.core import options
from notebooks.core.build import Facts, build
from notebooks.core.embed import Embedded, embed
from notebooks.core.lint import lint
from notebooks.core.percent import Cell, read_cells
from notebooks.core.plan import TrainingPlan, bake_off, plan
from notebooks.models import Notebook
from recommender.core.catalog import ModelSpec
from recommender.services import catalog
from slmgen.errors import NotFound

SOURCE = Path(__file__).with_name("source") / "finetune.py"
# Chat text packs to a third at best (bz2, then base64): more is not worth a try.
MAX_PACKING = 20
DATA_SIGNER = signing.Signer(salt="notebooks.data", sep=".")


class NotebookFault(Exception):
    """A notebook of ours that must not be handed out."""


@cache
def cells() -> tuple[Cell, ...]:
    return read_cells(SOURCE.read_text(encoding="utf-8"))


def check_training_config(config: Mapping[str, Any]) -> None:
    """Raises InvalidInput for an unknown setting or a value out of range."""
    options.checked(config)


def plan_training(
    dataset: Dataset, *, model: ModelSpec, training_config: Mapping[str, Any] | None
) -> TrainingPlan:
    """What a notebook would do. Raises InvalidInput for a senseless setting."""
    return plan(model, profile_of(dataset), training_config)


def generate_notebook(
    dataset: Dataset,
    *,
    model: ModelSpec,
    training_config: Mapping[str, Any] | None,
    server: str = "",
) -> Notebook:
    """Plans, builds, checks and stores a notebook: all of it, or nothing.

    `server` is the address under which data that do not fit inside can be loaded.
    """
    return _made(dataset, [plan_training(
        dataset, model=model, training_config=training_config
    )], server)  # fmt: skip


def generate_bake_off(
    dataset: Dataset,
    *,
    models: Sequence[ModelSpec],
    training_config: Mapping[str, Any] | None,
    server: str = "",
) -> Notebook:
    """A notebook that compares models, as `generate_notebook` makes one for a model."""
    plans = bake_off(models, profile_of(dataset), training_config or {})
    return _made(dataset, plans, server)


def _made(dataset: Dataset, plans: Sequence[TrainingPlan], server: str) -> Notebook:
    profile = profile_of(dataset)
    facts = Facts(
        dataset.filename,
        profile.total_examples,
        profile.total_tokens,
        data_url=f"{server}/data/{_data_token(dataset)}" if server else "",
        data_days=settings.SLMGEN_DATA_LINK_DAYS,
    )
    content = build(cells(), plans, facts, _embedded(dataset))
    if faults := lint(content, plans[0].backend):
        raise NotebookFault("; ".join(faults))
    slugs = [plan.model.slug for plan in plans]
    notebook = Notebook(
        dataset=dataset,
        model_id=slugs[0],
        candidates=slugs if len(slugs) > 1 else [],
        training_config=plans[0].settings,
        filename=_filename(slugs),
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
    )
    _store(notebook, content)
    return notebook


def _data_token(dataset: Dataset) -> str:
    """A key to the examples alone; the same for the same dataset, until it ends."""
    seconds = settings.SLMGEN_DATA_LINK_DAYS * 86_400
    end = int(dataset.created_at.timestamp()) + seconds
    return DATA_SIGNER.sign(f"{dataset.id}_{end}")


def open_data(token: str) -> BinaryIO:
    """The examples that a notebook's link leads to. Raises NotFound."""
    gone = NotFound("This link is not valid any more; generate the notebook again.")
    try:
        dataset_id, _, end = DATA_SIGNER.unsign(token).partition("_")
    except signing.BadSignature:
        raise gone from None
    dataset = Dataset.objects.filter(pk=dataset_id).first()
    if dataset is None or int(end) < time.time():
        raise gone
    with open_verified_examples(dataset):
        return open_file(dataset.examples_key)


def _embedded(dataset: Dataset) -> Embedded:
    limit = settings.SLMGEN_NOTEBOOK_EMBED_MB * 10**6
    if dataset.examples_bytes > limit * MAX_PACKING:
        with open_verified_examples(dataset):
            return Embedded(dataset.examples_sha256, "")
    with open_verified_examples(dataset) as file:
        return embed(file.read(), max_bytes=limit)


def _filename(slugs: Sequence[str]) -> str:
    name = slugs[0] if len(slugs) == 1 else f"{len(slugs)}-models"
    safe = re.sub(r"[^a-z0-9]+", "-", name)
    return f"slmgen-{safe}-{secrets.token_hex(16)}.ipynb"


def _store(notebook: Notebook, content: bytes) -> None:
    default_storage.save(notebook.key, ContentFile(content))
    try:
        notebook.save(force_insert=True)
    except BaseException:
        default_storage.delete(notebook.key)
        raise


@keeper
def kept_of_notebooks() -> Iterator[Kept]:
    for notebook in Notebook.objects.iterator():
        yield Kept(notebook.key, notebook.size)


def find_notebook(filename: str, *, user: AnyUser) -> Notebook:
    notebook = Notebook.objects.visible_to(user).filter(filename=filename).first()
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
    """The names of its model, or of all that it compares."""
    slugs = notebook.candidates or [notebook.model_id]
    return [catalog().get(slug).name for slug in slugs]


def read_notebook(notebook: Notebook) -> bytes:
    """The file whole: what is embedded in it is limited by a setting."""
    with verified(notebook.key, notebook.sha256) as file:
        return file.read()


def link_to(notebook: Notebook) -> str | None:
    """A short-lived address of the file itself, where the storage has one."""
    return storage().link(notebook.key, notebook.filename)


def delete_notebook(notebook: Notebook) -> None:
    with transaction.atomic():
        Notebook.objects.filter(pk=notebook.pk).delete()
        discard([notebook.key])


def delete_notebooks_of(dataset: Dataset) -> None:
    for notebook in Notebook.objects.filter(dataset=dataset):
        delete_notebook(notebook)
