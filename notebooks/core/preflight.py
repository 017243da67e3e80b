"""What a training will take and what leaves the machine, in words, before it starts."""

import math
from dataclasses import dataclass

from notebooks.core.plan import TrainingPlan
from recommender.core import memory
from recommender.core.gpus import Gpu

WEIGHT_BYTES = {"4bit": 0.56, "16bit": 2.0}  # a parameter, as it is downloaded
CHECKPOINTS_KEPT = 2
CHECKPOINT_BYTES = 12  # a trained parameter: its weight, two states of its optimizer
ADAPTER_BYTES = 4


@dataclass(frozen=True)
class Preflight:
    steps: str
    epochs: str
    rows: str
    tokens: str
    memory: str
    fit: str  # in words: it fits, it is tight, it does not fit
    fit_level: str  # good, warn or bad
    minutes: str
    download: str
    disk: str
    cut: str
    leaves: tuple[str, ...]


def preflight(
    plan: TrainingPlan, *, gpu: Gpu, rows_cut: int, data_inside: bool
) -> Preflight:
    low, high = plan.memory_gib
    fit, level = _fit(low, high, gpu)
    return Preflight(
        steps=f"{plan.steps:,}",
        epochs=_epochs(plan),
        rows=f"{plan.train_examples:,}",
        tokens=f"about {float(f'{plan.tokens:.2g}'):,.0f}",
        memory=f"{low:g} to {high:g} GiB",
        fit=fit,
        fit_level=level,
        minutes=minutes_of(plan, gpu),
        download=f"about {_download_bytes(plan) / 1e9:.1f} GB",
        disk=f"about {_disk_bytes(plan) / 1e9:.1f} GB",
        cut=_cut(rows_cut, int(plan.settings["max_seq_length"])),
        leaves=_leaves(plan, data_inside),
    )


def _epochs(plan: TrainingPlan) -> str:
    if int(plan.settings["max_steps"]) > 0:
        return "stopped by steps"
    return f"{float(plan.settings['num_epochs']):g}"


def _fit(low: float, high: float, gpu: Gpu) -> tuple[str, str]:
    if high <= gpu.usable_gib:
        return f"Fits {gpu.label}", "good"
    if low <= gpu.usable_gib:
        return f"Tight on {gpu.label}: the longest rows may need less at once", "warn"
    return f"Does not fit {gpu.label} ({gpu.usable_gib:g} GiB)", "bad"


def minutes_of(plan: TrainingPlan, gpu: Gpu) -> str:
    """A plan counts the minutes of a T4."""
    (fast, slow), (least, most) = plan.minutes, gpu.speed
    low, high = max(1, round(fast / most)), max(1, math.ceil(slow / least))
    return f"{low:,} to {high:,} minutes" if low < high else f"about {low:,} min"


def _download_bytes(plan: TrainingPlan) -> float:
    bytes_each = WEIGHT_BYTES[str(plan.settings["quantization"])]
    return plan.model.parameters.total * bytes_each


def _disk_bytes(plan: TrainingPlan) -> float:
    """The download, what the notebook keeps to go on from, and what it makes."""
    trained = memory.lora_parameters(plan.model, int(plan.settings["lora_rank"]))
    kept = CHECKPOINTS_KEPT * CHECKPOINT_BYTES + ADAPTER_BYTES
    return _download_bytes(plan) + trained * kept


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
