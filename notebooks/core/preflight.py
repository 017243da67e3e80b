"""What a training will take and what leaves the machine, in words, before it starts."""

from dataclasses import dataclass

from notebooks.core.plan import TrainingPlan
from recommender.core.memory import T4_GIB

WEIGHT_BYTES = {"4bit": 0.56, "16bit": 2.0}  # a parameter, as it is downloaded


@dataclass(frozen=True)
class Preflight:
    steps: str
    epochs: str
    rows: str
    memory: str
    fit: str  # in words: it fits, it is tight, it does not fit
    fit_level: str  # good, warn or bad
    minutes: str
    download: str
    cut: str
    leaves: tuple[str, ...]


def preflight(plan: TrainingPlan, *, rows_cut: int, data_inside: bool) -> Preflight:
    low, high = plan.memory_gib
    fast, slow = plan.minutes
    fit, level = _fit(low, high)
    return Preflight(
        steps=f"{plan.steps:,}",
        epochs=_epochs(plan),
        rows=f"{plan.train_examples:,}",
        memory=f"{low:g} to {high:g} GiB",
        fit=fit,
        fit_level=level,
        minutes=f"{fast:,} to {slow:,} minutes",
        download=f"about {_download_gb(plan):.1f} GB",
        cut=_cut(rows_cut, int(plan.settings["max_seq_length"])),
        leaves=_leaves(plan, data_inside),
    )


def _epochs(plan: TrainingPlan) -> str:
    if int(plan.settings["max_steps"]) > 0:
        return "stopped by steps"
    return f"{float(plan.settings['num_epochs']):g}"


def _fit(low: float, high: float) -> tuple[str, str]:
    if high <= T4_GIB:
        return "Fits a free T4", "good"
    if low <= T4_GIB:
        return "Tight on a free T4: the longest rows may need less at once", "warn"
    return f"Does not fit a T4 ({T4_GIB:g} GiB)", "bad"


def _download_gb(plan: TrainingPlan) -> float:
    bytes_each = WEIGHT_BYTES[str(plan.settings["quantization"])]
    return plan.model.parameters.total * bytes_each / 1e9


def _cut(rows: int, length: int) -> str:
    if not rows:
        return f"No row has more than {length:,} tokens."
    verb = "row has" if rows == 1 else "rows have"
    return f"{rows:,} {verb} more than {length:,} tokens and will be cut."


def _leaves(plan: TrainingPlan, data_inside: bool) -> tuple[str, ...]:
    place = (
        "The notebook holds your rows: whoever you give it to can read them."
        if data_inside
        else "The notebook holds a link to your rows; this server must be reachable "
        "from where it runs."
    )
    return (
        "Making the notebook sends nothing anywhere.",
        place,
        f"It downloads {plan.model_id} from Hugging Face where you run it.",
    )
