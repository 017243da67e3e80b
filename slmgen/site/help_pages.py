"""The help pages: our own texts, with figures from the code."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from datasets.core.faults.catalog import KINDS
from datasets.core.readers import formats


@dataclass(frozen=True)
class Document:
    name: str
    title: str
    about: str


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
    """The figures that the texts quote."""
    return {
        "issues": list(KINDS.values()),
        "tables": formats.names(with_columns=True),
        "no_tables": formats.names(with_columns=False),
        "server": request.build_absolute_uri("/").rstrip("/"),
        "max_mb": settings.SLMGEN_MAX_UPLOAD_BYTES // 10**6,
        "link_days": settings.SLMGEN_DATA_LINK_DAYS,
    }
