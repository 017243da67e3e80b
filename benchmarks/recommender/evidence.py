"""Published measurements as values: what the recommender is held to."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from recommender.core.catalog.catalog import Parameters, Shape
from slmgen.errors import InvalidInput

FILES = (
    "vram_t4_measured.csv", "param_counts.csv", "ondevice_models.csv",
    "finetune_rankings_distil_12.csv", "loraland_310.csv", "shapes.csv",
)  # fmt: skip


@dataclass(frozen=True)
class KnownModel:
    slug: str
    maker: str
    parameters: Parameters
    shape: Shape


@dataclass(frozen=True)
class TrainingRun:
    model: KnownModel
    in_4bit: bool
    tokens_at_once: int
    trainable: int
    allocated_mib: float
    process_mib: float
    tokens_per_second: float | None


@dataclass(frozen=True)
class Q4File:
    model: KnownModel
    size_bytes: int


@dataclass(frozen=True)
class Placed:
    """A model of the round of fine-tuned models."""

    model: KnownModel
    tier: int  # models of one tier cannot be told apart
    rank: float


@dataclass(frozen=True)
class TunedScore:
    task: str
    kind: str
    model: str
    score: float


@dataclass(frozen=True)
class Evidence:
    counts: dict[str, int]  # parameters by slug, from the class
    runs: tuple[TrainingRun, ...]
    files: tuple[Q4File, ...]
    placed: tuple[Placed, ...]
    tuned: tuple[TunedScore, ...]


def read_evidence(folder: Path) -> Evidence:
    """Raises InvalidInput that names the file which is missing."""
    for name in FILES:
        if not (folder / name).is_file():
            raise InvalidInput(
                f"{folder} holds no {name}; expected {', '.join(FILES)}."
            )
    counts = {row["catalog_model"]: row for row in _rows(folder, "param_counts.csv")}
    models = {
        row["model"]: _model(row, counts[row["slug"]])
        for row in _rows(folder, "shapes.csv")
    }
    return Evidence(
        counts={slug: int(row["params_from_config"]) for slug, row in counts.items()},
        runs=tuple(_runs(folder, models)),
        files=tuple(
            Q4File(models[row["model"]], int(row["file_size_bytes"]))
            for row in _rows(folder, "ondevice_models.csv")
            if row["model"] in models and row["quant"] == "Q4_K_M"
        ),
        placed=tuple(_placed(folder, models)),
        tuned=tuple(
            TunedScore(
                row["task"],
                row["slmgen_task_type_our_mapping"],
                row["base_model"],
                float(row["finetuned_score"]),
            )
            for row in _rows(folder, "loraland_310.csv")
        ),
    )


def _rows(folder: Path, name: str) -> list[dict[str, str]]:
    with (folder / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _model(row: dict[str, str], counted: dict[str, str]) -> KnownModel:
    return KnownModel(
        slug=row["slug"],
        maker=row["maker"],
        parameters=Parameters(
            total=int(counted["params_from_config"]),
            non_embedding=int(counted["non_embedding"]),
            linear=int(counted["linear_layers"]),
        ),
        shape=Shape(
            num_layers=int(row["num_layers"]),
            hidden_size=int(row["hidden_size"]),
            intermediate_size=int(row["intermediate_size"]),
            vocab_size=int(row["vocab_size"]),
            kv_bytes_per_token=0,
        ),
    )


def _runs(folder: Path, models: dict[str, KnownModel]) -> Iterator[TrainingRun]:
    rows = [
        row
        for row in _rows(folder, "vram_t4_measured.csv")
        if row["attn"] == "sdpa" and row["model"] in models
    ]
    # Some runs do not print it: it is that of the same model with the same rank.
    trainable = {
        (row["model"], row["lora_rank"]): int(float(row["trainable_params"]))
        for row in rows
        if row["trainable_params"]
    }
    for row in rows:
        yield TrainingRun(
            model=models[row["model"]],
            in_4bit=row["quantization"] == "nf4",
            tokens_at_once=int(row["batch_size"]) * int(row["seq_len"]),
            trainable=trainable[row["model"], row["lora_rank"]],
            allocated_mib=float(row["peak_allocated_mib"]),
            process_mib=float(row["process_mib"]),
            tokens_per_second=float(row["tokens_per_s"])
            if row["tokens_per_s"]
            else None,
        )


def _placed(folder: Path, models: dict[str, KnownModel]) -> Iterator[Placed]:
    for row in _rows(folder, "finetune_rankings_distil_12.csv"):
        if row["board"] != "tuned":
            continue
        first, _, last = row["place"].partition("-")
        middle = (int(first) + int(last or first)) / 2
        rank = float(row["average_rank"]) if row["average_rank"] else middle
        yield Placed(models[row["model"]], int(first), rank)
