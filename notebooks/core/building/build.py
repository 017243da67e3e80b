"""Cells, plans and data → a notebook file. The same input gives the same bytes.

Code cells are copied, never rendered: user input reaches code only as a literal in the
parameters cell. Markdown is rendered, with every value escaped.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import jinja2
import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from notebooks.core.building.embed import Embedded
from notebooks.core.building.percent import Cell
from notebooks.core.building.pins import Pins, pins
from notebooks.core.planning.plan import TrainingPlan, left_out
from notebooks.core.planning.settings import HELP
from recommender.core.estimates.wording import words_of

DATA_FILE = "examples.jsonl"
COLAB_GPUS = {"t4": "T4", "l4": "L4", "a100": "A100"}  # in Colab's own names
EMBEDDED_PLACE = 'EMBEDDED = """\n"""'
MARKDOWN_SPECIAL = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~$&:])")


@dataclass(frozen=True)
class Facts:
    """What the introduction states about the data."""

    filename: str
    examples: int
    tokens: int
    data_url: str = ""  # where to download data that is not embedded
    data_days: int = 0  # how long that address works


@dataclass(frozen=True)
class _Filling:
    """Values for cells: escaped text for markdown, literals for code."""

    words: Mapping[str, str]
    parameters: Mapping[str, Any]
    candidate: Mapping[str, Any]  # parameters of this model only
    left_out: frozenset[str]  # tags
    pins: Pins
    data: Embedded


def build(
    cells: Iterable[Cell],
    plans: Sequence[TrainingPlan],
    facts: Facts,
    data: Embedded,
) -> bytes:
    """The notebook of one plan, or one that compares the models of several.

    Cells tagged `each` are repeated for every plan.
    """
    shared = _shared(plans)
    parameters = {
        **shared,
        "DATA_FILE": DATA_FILE,
        "DATA_URL": "" if data.is_inside else facts.data_url,
        "DATA_SHA256": data.sha256,
        "DATA_EXAMPLES": facts.examples,
    }
    fillings = [
        _Filling(
            _words(plan, facts, plans),
            parameters,
            {k: v for k, v in plan.parameters().items() if k not in shared},
            left_out(plan, data_inside=data.is_inside, alone=len(plans) == 1),
            pins(plan.backend),
            data,
        )
        for plan in plans
    ]
    filled = _in_order(cells, fillings)
    nodes = [_node(cell, number, own) for number, (cell, own) in enumerate(filled)]
    notebook = new_notebook(cells=nodes, metadata=_metadata(plans[0].figures.gpu))
    nbformat.validate(notebook)
    text: str = nbformat.writes(notebook)
    return text.encode() + b"\n"


def _shared(plans: Sequence[TrainingPlan]) -> dict[str, Any]:
    """The parameters that are equal in all plans."""
    first, *others = (plan.parameters() for plan in plans)
    return {
        name: value
        for name, value in first.items()
        if all(other[name] == value for other in others)
    }


def _in_order(
    cells: Iterable[Cell], fillings: Sequence[_Filling]
) -> Iterator[tuple[Cell, _Filling]]:
    for is_repeated, block in groupby(cells, key=lambda cell: "each" in cell.tags):
        block_cells = tuple(block)
        for filling in fillings if is_repeated else fillings[:1]:
            for cell in block_cells:
                if not cell.tags & filling.left_out:
                    yield cell, filling


def _node(cell: Cell, number: int, filling: _Filling) -> Any:
    own: dict[str, Any] = {"id": f"cell-{number}"}
    if cell.tags:
        own["metadata"] = {"tags": sorted(cell.tags)}
    if cell.kind == "markdown":
        return new_markdown_cell(_rendered(cell.source, filling.words), **own)
    return new_code_cell(_code(cell, filling), **own)


def _code(cell: Cell, filling: _Filling) -> str:
    if "parameters" in cell.tags:
        return _assignments(filling.parameters)
    if "candidate" in cell.tags:
        return _assignments(filling.candidate)
    source = filling.pins.filled(cell.source)
    return source.replace(EMBEDDED_PLACE, f'EMBEDDED = """\n{filling.data.text}\n"""')


def _assignments(values: Mapping[str, Any]) -> str:
    return "\n".join(
        f"# {HELP[name]}\n{name} = {value!a}" if name in HELP else f"{name} = {value!a}"
        for name, value in values.items()
    )


def _rendered(source: str, words: Mapping[str, str]) -> str:
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined,
        finalize=escaped,
        autoescape=False,  # noqa: S701  # markdown, escaped by `finalize`
    )
    return environment.from_string(source).render(words)


def escaped(value: object) -> str:
    """Text that markdown shows unchanged: on one line, with special characters
    escaped."""
    flat = " ".join(str(value).split())
    return MARKDOWN_SPECIAL.sub(r"\\\1", flat)


def _words(
    plan: TrainingPlan, facts: Facts, plans: Sequence[TrainingPlan]
) -> dict[str, str]:
    model, worded = plan.model, words_of(plan.figures)
    return {
        "model_name": model.name,
        "model_id": plan.model_id,
        "data_file": DATA_FILE,
        "data_days": f"{facts.data_days}",
        "size": model.size,
        "license": ": ".join(filter(None, (model.license, model.commercial_note))),
        "access": "accept the terms on Hugging Face first" if plan.is_gated else "open",
        "filename": facts.filename,
        "examples": f"{facts.examples:,}",
        "tokens": f"{facts.tokens:,}",
        "train_examples": f"{plan.estimate.train_examples:,}",
        "training": worded.extent,
        "tested_on": pins(plan.backend).tested_on,
        "candidates": ", ".join(other.model.name for other in plans),
        "gpu": worded.gpu,
        "fit": worded.fit,
        "memory": worded.memory,
        "unsloth": f"; with Unsloth {worded.unsloth}" if worded.unsloth else "",
        "time": worded.time,
        "cost": f", {worded.cost} where it is rented" if worded.cost else "",
    }


def colab_gpu(gpu: str) -> str:
    """The GPU to choose in Colab; the free one where Colab does not offer it."""
    return COLAB_GPUS.get(gpu, "T4")


def _metadata(gpu: str) -> dict[str, Any]:
    return {
        "accelerator": "GPU",
        "colab": {"gpuType": colab_gpu(gpu), "provenance": []},
        "kernelspec": {
            "display_name": "Python 3",
            "language": "python",
            "name": "python3",
        },
        "language_info": {"name": "python"},
    }
