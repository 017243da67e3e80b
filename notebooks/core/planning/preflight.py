"""What a training needs and what leaves the machine, in words, before it starts."""

from dataclasses import dataclass

from notebooks.core.planning.plan import TrainingPlan
from recommender.core.estimates import memory
from recommender.core.estimates.wording import Words, words_of

WEIGHT_BYTES = {"4bit": 0.56, "16bit": 2.0}  # per parameter, as downloaded
CHECKPOINTS_KEPT = 2
CHECKPOINT_BYTES = 12  # per trained parameter: its weight and two optimizer states
ADAPTER_BYTES = 4


@dataclass(frozen=True)
class Preflight:
    training: Words
    steps: str
    epochs: str
    rows: str
    tokens: str
    download: str
    disk: str
    cut: str
    leaves: tuple[str, ...]


def preflight(plan: TrainingPlan, *, rows_cut: int, data_inside: bool) -> Preflight:
    found = plan.estimate
    return Preflight(
        training=words_of(plan.figures),
        steps=f"{found.steps:,}",
        epochs=_epochs(plan),
        rows=f"{found.train_examples:,}",
        tokens=f"about {float(f'{found.tokens:.2g}'):,.0f}",
        download=f"about {_download_bytes(plan) / 1e9:.1f} GB",
        disk=f"about {_disk_bytes(plan) / 1e9:.1f} GB",
        cut=_cut(rows_cut, found.setup.length),
        leaves=_leaves(plan, data_inside),
    )


def _epochs(plan: TrainingPlan) -> str:
    epochs = plan.figures.num_epochs
    return "stopped by steps" if epochs is None else f"{epochs:g}"


def _download_bytes(plan: TrainingPlan) -> float:
    bytes_each = WEIGHT_BYTES[plan.estimate.setup.quantization]
    return plan.model.parameters.total * bytes_each


def _disk_bytes(plan: TrainingPlan) -> float:
    """The download, the checkpoints that the notebook keeps, and the results."""
    trained = memory.lora_parameters(plan.model, plan.estimate.setup.lora_rank)
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
