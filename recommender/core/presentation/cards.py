"""A ranking as cards: each model with its costs and its strengths."""

from dataclasses import dataclass

from recommender.core.catalog.catalog import ModelSpec, Target, Task
from recommender.core.estimates.wording import Words, words_of
from recommender.core.needs.suggestion import Suggestion
from recommender.core.presentation.model_facts import COMMERCIAL
from recommender.core.ranking.ranking import Ranking, Recommended

TASK_NAMES = {
    Task.INSTRUCTION_FOLLOWING: "Follow instructions",
    Task.CONVERSATION: "Hold a conversation",
    Task.QA: "Answer questions",
    Task.CLASSIFICATION: "Classify",
    Task.EXTRACTION: "Extract facts",
    Task.GENERATION: "Write text",
    Task.SUMMARIZATION: "Summarize",
    Task.CODE_GENERATION: "Write code",
}
TARGET_NAMES = {
    Target.CLOUD: "Cloud, with a GPU",
    Target.SERVER: "Own server, with a GPU",
    Target.DESKTOP: "Desktop or laptop",
    Target.EDGE: "Small board",
    Target.MOBILE: "Phone",
    Target.BROWSER: "Web browser",
}


@dataclass(frozen=True)
class Questions:
    """The two questions, with suggested and given answers."""

    task: Task
    target: Target
    suggestion: Suggestion
    tasks: tuple[tuple[Task, str], ...] = tuple(TASK_NAMES.items())
    targets: tuple[tuple[Target, str], ...] = tuple(TARGET_NAMES.items())

    @property
    def suggested_task(self) -> str:
        return TASK_NAMES[self.suggestion.task.task]

    @property
    def suggested_target(self) -> str:
        return TARGET_NAMES[self.suggestion.target]


@dataclass(frozen=True)
class Card:
    model: ModelSpec
    score: int  # percent
    label: str  # why it is listed; may be empty
    license: str
    is_free: bool
    gate: str
    quantized: str
    context: int
    training: Words
    setup: str
    reasons: tuple[str, ...]
    would_change_if: tuple[str, ...]


def cards(ranking: Ranking) -> list[Card]:
    """The recommended models, the best first."""
    labels = _labels(ranking.recommended)
    return [
        _card(entry, labels.get(entry.model.slug, "")) for entry in ranking.recommended
    ]


def _labels(entries: tuple[Recommended, ...]) -> dict[str, str]:
    """Labels for the best model, and for the next ones that are smaller or larger."""
    if not entries:
        return {}
    best, *others = entries
    size = best.model.parameters.total
    smaller = [entry for entry in others if entry.model.parameters.total < size]
    larger = [entry for entry in others if entry.model.parameters.total > size]
    labels = {best.model.slug: "Best pick"}
    if smaller:
        labels[smaller[0].model.slug] = "Cheaper: smaller"
    if larger:
        labels[larger[0].model.slug] = "Stronger: larger"
    return labels


def _card(entry: Recommended, label: str) -> Card:
    model = entry.model
    about = "about " if model.deployment.gguf_is_estimated else ""
    return Card(
        model=model,
        score=round(100 * entry.score),
        label=label,
        license=f"{model.license}: {license_words(model)}",
        is_free=model.commercial in {"yes", "yes_with_use_policy"},
        gate=_gate(model),
        quantized=f"{about}{model.deployment.gguf_q4_mb / 1000:.1f} GB",
        context=model.context_length,
        training=words_of(entry.training.figures),
        setup=entry.training.setup.words,
        reasons=entry.reasons,
        would_change_if=entry.would_change_if,
    )


def license_words(model: ModelSpec) -> str:
    return model.commercial_note or COMMERCIAL[model.commercial].phrase


def _gate(model: ModelSpec) -> str:
    if not model.is_gated:
        return "Open: no account is needed to download it."
    page = f"huggingface.co/{model.hf_id}"
    if model.unsloth_id:
        return (
            f"Gated at its maker ({page}); the notebook uses the open copy "
            f"{model.unsloth_id}."
        )
    return (
        f"Gated: sign in at {page}, accept the terms, and store a read token as the "
        "secret HF_TOKEN in Colab or Kaggle."
    )
