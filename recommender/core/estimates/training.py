"""How a model would be trained: precision, batch, length, memory, time and cost.

The only place that computes them: rankings, plans, pages and notebooks show its
`Figures`, which are rounded once.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, TypeVar

from recommender.core.catalog.catalog import ModelSpec
from recommender.core.catalog.gpus import DEFAULT_GPU, Gpu
from recommender.core.estimates import lengths, memory
from recommender.core.estimates.presets import (
    DEFAULT_PRESET,
    EXAMPLES_PER_STEP,
    PRESETS,
    VALIDATION_FRACTION,
    Preset,
    held_back,
)
from recommender.core.needs.known_data import KnownData

Range = tuple[float, float]
T = TypeVar("T")

BATCHES = (4, 2, 1)
# Smaller models are mostly embedding: 4 bit saves little and costs quality.
PREFER_16BIT_BELOW = 6e8
# Measured speeds are within × 1.48 of the formula; loading and evaluation are extra.
TIME_RANGE = (0.6, 2.0)
CENT = 0.01


@dataclass(frozen=True)
class SetupChoices:
    """Settings that affect memory and time; None is computed."""

    preset: str = DEFAULT_PRESET
    backend: str | None = None
    quantization: str | None = None
    batch_size: int | None = None
    max_seq_length: int | None = None
    lora_rank: int | None = None
    gradient_accumulation_steps: int | None = None
    num_epochs: float | None = None
    max_steps: int | None = None
    validation_fraction: float | None = None

    @property
    def goals(self) -> Preset:
        return PRESETS[self.preset]


def choices_of(settings: Mapping[str, Any]) -> SetupChoices:
    """The relevant ones among checked settings."""
    names = [field.name for field in fields(SetupChoices)]
    return SetupChoices(**{name: settings[name] for name in names if name in settings})


@dataclass(frozen=True)
class TrainingSetup:
    """Everything that affects the memory of a training."""

    model: ModelSpec
    backend: str
    in_4bit: bool
    batch: int
    length: int  # tokens; longer rows are cut
    lora_rank: int

    @property
    def gib(self) -> float:
        """GPU memory that plain Hugging Face training needs free: an upper bound."""
        return memory.process_gib(self._allocated())

    def _allocated(self) -> float:
        formula = memory.qlora_bytes if self.in_4bit else memory.lora16_bytes
        return formula(
            self.model, batch=self.batch, length=self.length, lora_rank=self.lora_rank
        )

    @property
    def gib_range(self) -> Range:
        """The range of all measured processes."""
        low = memory.least_process_gib(self._allocated())
        return math.floor(10 * low) / 10, self._most_gib()

    def _most_gib(self) -> float:
        """Rounded before it decides, so that shown figures never contradict what
        fits."""
        return math.ceil(10 * self.gib) / 10

    @property
    def unsloth_gib_range(self) -> Range:
        low, high = memory.unsloth_range_bytes(
            self.model,
            batch=self.batch,
            length=self.length,
            in_4bit=self.in_4bit,
            lora_rank=self.lora_rank,
        )
        return round(low / memory.GIB, 1), round(high / memory.GIB, 1)

    def fits(self, gpu: Gpu) -> bool:
        """Decided by plain Hugging Face training for either backend: how much less
        Unsloth needs depends on its release."""
        return self._most_gib() <= gpu.usable_gib

    @property
    def quantization(self) -> str:
        return "4bit" if self.in_4bit else "16bit"

    @property
    def words(self) -> str:
        precision = "4-bit" if self.in_4bit else "16-bit"
        return f"{precision}, batch {self.batch}, {self.length:,} tokens a row"


def best_setup(
    model: ModelSpec,
    data: KnownData,
    gpu: Gpu = DEFAULT_GPU,
    choices: SetupChoices = SetupChoices(),
) -> TrainingSetup | None:
    """The first setup that fits and cuts at most one row in twenty, unless a length was
    chosen. None where none fits."""
    limits = _lengths(model, data, choices)
    return _first_fit(_setups(model, data, gpu, choices, limits), gpu)


def shorter_setup(
    model: ModelSpec, data: KnownData, gpu: Gpu = DEFAULT_GPU
) -> TrainingSetup | None:
    """The longest limit that fits but cuts more rows than that; None where none
    fits."""
    longest = lengths.row_length(model, data, data.profile.tokens_p95)
    limits = range(longest, lengths.SHORTEST - 1, -lengths.STEP)
    return _first_fit(_setups(model, data, gpu, SetupChoices(), limits), gpu)


def smallest_setup(
    model: ModelSpec,
    data: KnownData,
    gpu: Gpu = DEFAULT_GPU,
    choices: SetupChoices = SetupChoices(),
) -> TrainingSetup:
    """The setup with the least memory at the wanted length, whether it fits or not."""
    wanted = _lengths(model, data, choices)[:1]
    setups = _setups(model, data, gpu, choices, wanted)
    return min(setups, key=lambda setup: setup.gib)


def _first_fit(setups: Iterator[TrainingSetup], gpu: Gpu) -> TrainingSetup | None:
    return next((setup for setup in setups if setup.fits(gpu)), None)


def _lengths(model: ModelSpec, data: KnownData, choices: SetupChoices) -> Sequence[int]:
    """Limits from what the preset wants to hold down to what 95 % of the rows need."""
    if choices.max_seq_length is not None:
        return (choices.max_seq_length,)
    profile = data.profile
    wanted = lengths.row_length(model, data, choices.goals.covered(profile))
    least = lengths.row_length(model, data, profile.tokens_p95)
    return range(wanted, min(wanted, least) - 1, -lengths.STEP)


def _setups(
    model: ModelSpec,
    data: KnownData,
    gpu: Gpu,
    choices: SetupChoices,
    limits: Sequence[int],
) -> Iterator[TrainingSetup]:
    backend = choices.backend or default_backend(gpu)
    rank = choices.lora_rank or choices.goals.rank_for(data.profile.total_examples)
    batches = BATCHES if choices.batch_size is None else (choices.batch_size,)
    for limit in limits:
        for in_4bit in _precisions(model, gpu, choices):
            for batch in batches:
                yield TrainingSetup(model, backend, in_4bit, batch, limit, rank)


def _precisions(model: ModelSpec, gpu: Gpu, choices: SetupChoices) -> tuple[bool, ...]:
    if choices.quantization is not None:
        return (choices.quantization == "4bit",)
    if not gpu.can_quantize:
        return (False,)
    small = model.parameters.total < PREFER_16BIT_BELOW
    return (False, True) if small else (True, False)


def default_backend(gpu: Gpu) -> str:
    """Unsloth runs on GPUs only."""
    return "unsloth" if gpu.can_quantize else "trl"


@dataclass(frozen=True)
class Figures:
    """Rounded figures of a training, as every page, response and notebook shows
    them."""

    gpu: str
    gpu_label: str
    gpu_gib: float
    backend: str
    fits: bool
    memory_gib: Range
    unsloth_gib: Range | None  # None with another backend
    steps: int
    num_epochs: float | None  # None: steps are limited instead
    minutes: tuple[int, int]
    dollars: Range | None  # None where the GPU is not rented by the hour


@dataclass(frozen=True)
class TrainingEstimate:
    """A setup with the training's steps, time and cost; everything is estimated."""

    setup: TrainingSetup
    gpu: Gpu
    gradient_accumulation_steps: int
    num_epochs: float
    max_steps: int
    validation_fraction: float
    train_examples: int
    steps: int
    tokens: int  # read in all steps, in the model's own
    tokens_per_second: Range

    @cached_property
    def figures(self) -> Figures:
        setup, gpu = self.setup, self.gpu
        slow, fast = self.tokens_per_second
        minutes = (self.tokens / fast / 60, self.tokens / slow / 60)
        return Figures(
            gpu=gpu.name,
            gpu_label=gpu.label,
            gpu_gib=round(gpu.usable_gib, 2),
            backend=setup.backend,
            fits=setup.fits(gpu),
            memory_gib=setup.gib_range,
            unsloth_gib=(
                setup.unsloth_gib_range if setup.backend == "unsloth" else None
            ),
            steps=self.steps,
            num_epochs=None if self.max_steps > 0 else self.num_epochs,
            minutes=(max(1, math.floor(minutes[0])), max(1, math.ceil(minutes[1]))),
            dollars=_dollars(gpu, minutes),
        )


def _dollars(gpu: Gpu, minutes: Range) -> Range | None:
    if gpu.dollars_per_hour is None:
        return None
    low, high = (
        max(CENT, round(time / 60 * price, 2))
        for time, price in zip(minutes, gpu.dollars_per_hour, strict=True)
    )
    return low, high


def estimate(
    model: ModelSpec,
    data: KnownData,
    gpu: Gpu = DEFAULT_GPU,
    choices: SetupChoices = SetupChoices(),
) -> TrainingEstimate:
    """The training of `model` on `data`, whether it fits the GPU or not."""
    setup = best_setup(model, data, gpu, choices) or smallest_setup(
        model, data, gpu, choices
    )
    return estimate_of(setup, data, gpu, choices)


def estimate_of(
    setup: TrainingSetup,
    data: KnownData,
    gpu: Gpu,
    choices: SetupChoices = SetupChoices(),
) -> TrainingEstimate:
    rows, goals = data.profile.total_examples, choices.goals
    fraction = _chosen(choices.validation_fraction, VALIDATION_FRACTION)
    accumulation = _chosen(
        choices.gradient_accumulation_steps, max(1, EXAMPLES_PER_STEP // setup.batch)
    )
    epochs = _chosen(choices.num_epochs, goals.epochs_for(rows))
    max_steps = _chosen(choices.max_steps, goals.steps_for(rows))
    train, at_once = rows - held_back(rows, fraction), setup.batch * accumulation
    if max_steps > 0:
        steps, seen = max_steps, float(max_steps * at_once)
    else:
        steps, seen = max(1, round(math.ceil(train / at_once) * epochs)), train * epochs
    row = lengths.typical_row(setup.model, data, setup.length)
    return TrainingEstimate(
        setup=setup,
        gpu=gpu,
        gradient_accumulation_steps=accumulation,
        num_epochs=epochs,
        max_steps=max_steps,
        validation_fraction=fraction,
        train_examples=train,
        steps=steps,
        tokens=math.ceil(seen * row),
        tokens_per_second=_tokens_per_second(setup, row, gpu),
    )


def _chosen(choice: T | None, computed: T) -> T:
    return computed if choice is None else choice


def _tokens_per_second(setup: TrainingSetup, row: int, gpu: Gpu) -> Range:
    on_t4 = memory.t4_tokens_per_second(
        setup.model.parameters.total,
        setup.model.shape.num_layers,
        in_4bit=setup.in_4bit,
        tokens_at_once=row * setup.batch,
    )
    (slow, fast), (low, high) = gpu.speed, TIME_RANGE
    return on_t4 * slow / high, on_t4 * fast / low
