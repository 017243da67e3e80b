"""Generates notebooks: from a plan to a checked and stored file, or nothing."""

import hashlib
import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core import signing
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db.models import Sum

from datasets.models import Dataset
from datasets.services import open_verified_examples, profile_of
from datasets.storage.files import deleted_on_failure, row_of
from datasets.storage.quotas import counts_toward_quota, reserve_quota
from notebooks.core.building.build import Facts, build
from notebooks.core.building.embed import Embedded, embed
from notebooks.core.building.lint import lint
from notebooks.core.building.percent import Cell, read_cells
from notebooks.core.planning.plan import TrainingPlan, bake_off, plan
from notebooks.models import Notebook
from recommender.core.catalog.catalog import ModelSpec
from recommender.core.catalog.gpus import Gpu
from recommender.services import data_of

SOURCE = Path(__file__).with_name("source") / "finetune.py"
# Chat text compresses to a third at best (bz2, then base64), so more need not be tried.
MAX_PACKING = 20
NO_NAME = re.compile(r"[^a-z0-9]+")
DATA_SIGNER = signing.Signer(salt="notebooks.data", sep=".")

RowCallback = Callable[[Notebook], None]


class NotebookFault(Exception):
    """A generated notebook is faulty and must not be delivered."""


@cache
def source() -> str:
    return SOURCE.read_text(encoding="utf-8")


@cache
def cells() -> tuple[Cell, ...]:
    return read_cells(source())


def plans_of(
    dataset: Dataset,
    models: Sequence[ModelSpec],
    training_config: Mapping[str, Any] | None,
    gpu: Gpu,
) -> Sequence[TrainingPlan]:
    """The plan for one model, or the plans for several that a notebook compares."""
    data = data_of(dataset)
    if len(models) == 1:
        return [plan(models[0], data, training_config, gpu)]
    return bake_off(models, data, training_config or {}, gpu)


def make_notebook(
    dataset: Dataset,
    plans: Sequence[TrainingPlan],
    server: str,
    on_commit_row: RowCallback | None = None,
) -> Notebook:
    """Builds, checks and stores a notebook.

    `on_commit_row` is called in the transaction of its row; an exception in it undoes
    everything.
    """
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
        figures=[asdict(plan.figures) for plan in plans],
        filename=_filename(slugs),
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
    )
    _store(notebook, content, on_commit_row)
    return notebook


@counts_toward_quota
def bytes_of_notebooks(owner_id: Any) -> int:
    made = Notebook.objects.filter(dataset__owner=owner_id)
    return made.aggregate(stored=Sum("size"))["stored"] or 0


def _data_token(dataset: Dataset) -> str:
    """A token for the examples alone; the same for the same dataset until it
    expires."""
    seconds = settings.SLMGEN_DATA_LINK_DAYS * 86_400
    end = int(dataset.created_at.timestamp()) + seconds
    return DATA_SIGNER.sign(f"{dataset.id}_{end}")


def _embedded(dataset: Dataset) -> Embedded:
    limit = settings.SLMGEN_NOTEBOOK_EMBED_MB * 10**6
    if dataset.examples_bytes > limit * MAX_PACKING:
        with open_verified_examples(dataset):
            return Embedded(dataset.examples_sha256, "")
    with open_verified_examples(dataset) as file:
        return embed(file.read(), max_bytes=limit)


def _filename(slugs: Sequence[str]) -> str:
    name = slugs[0] if len(slugs) == 1 else f"{len(slugs)}-models"
    safe = NO_NAME.sub("-", name)
    return f"slmgen-{safe}-{secrets.token_hex(16)}.ipynb"


def _store(
    notebook: Notebook, content: bytes, on_commit_row: RowCallback | None
) -> None:
    with deleted_on_failure([notebook.key]):
        default_storage.save(notebook.key, ContentFile(content))
    with row_of([notebook.key]):
        reserve_quota(notebook.dataset.owner_id, notebook.size)
        notebook.save(force_insert=True)
        if on_commit_row is not None:
            on_commit_row(notebook)
