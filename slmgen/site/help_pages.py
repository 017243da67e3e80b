"""The documentation inside the application: texts of our own, figures from the code."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from datasets.core.analysis.quality_score import WEIGHTS
from datasets.core.faults.catalog import KINDS
from datasets.core.faults.meanings import MEANINGS
from datasets.core.presentation.fix_options import FIX_WORDS
from datasets.core.readers import formats


@dataclass(frozen=True)
class Document:
    name: str
    title: str
    about: str


@dataclass(frozen=True)
class Issue:
    """A kind of fault as its page explains it."""

    kind: str
    title: str
    meaning: str
    weight: float | None  # None: rows with it are left out
    fix: str


DOCUMENTS = (
    Document("score", "How the score works", "What costs points, and how many."),
    Document(
        "issues", "What each issue means", "Every fault, why it matters, its fix."
    ),
    Document("formats", "Formats", "What can be uploaded, and taken along."),
    Document("graded", "What is graded", "Why only the answers are."),
    Document("privacy", "What leaves your machine", "Nothing, until you say so."),
    Document("lora", "LoRA in five sentences", "What the notebook trains."),
    Document("api", "API in two minutes", "The same by curl."),
)


@require_safe
def documents(request: HttpRequest) -> HttpResponse:
    return render(request, "docs/index.html", {"documents": DOCUMENTS})


@require_safe
def document(request: HttpRequest, name: str) -> HttpResponse:
    found = next((each for each in DOCUMENTS if each.name == name), None)
    if found is None:
        raise Http404
    context = {"document": found, "documents": DOCUMENTS, **_figures(request)}
    return render(request, f"docs/{found.name}.html", context)


def _figures(request: HttpRequest) -> dict[str, Any]:
    """What the texts take from the code."""
    return {
        "issues": [
            Issue(
                kind, title, MEANINGS[kind], WEIGHTS.get(kind), FIX_WORDS.get(kind, "")
            )
            for kind, title in KINDS.items()
        ],
        "tables": formats.names(with_columns=True),
        "no_tables": formats.names(with_columns=False),
        "server": request.build_absolute_uri("/").rstrip("/"),
        "max_mb": settings.SLMGEN_MAX_UPLOAD_BYTES // 10**6,
        "link_days": settings.SLMGEN_DATA_LINK_DAYS,
    }
