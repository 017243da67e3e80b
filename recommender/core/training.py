"""How a model would be trained on a GPU: the first way that fits, its time and cost."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from recommender.core import lengths, memory
from recommender.core.catalog import ModelSpec
from recommender.core.gpus import Gpu
from recommender.core.needs import Need

BATCHES = (4, 2, 1)
# Below this 4 bit saves little memory and costs quality.
PREFER_16BIT_BELOW = 6e8
# Measured speeds lie within × 1.48 of the formula; loading and evaluation come on top.
TIME_RANGE = (0.6, 2.0)


@dataclass(frozen=True)
class Way:
    """One way to train: precision, batch and limit of tokens a row."""

    model: ModelSpec
    in_4bit: bool
    batch: int
    limit: int

    @cached_property
    def gib(self) -> float:
        """GPU memory with plain Hugging Face training, an upper estimate."""
        formula = memory.qlora_bytes if self.in_4bit else memory.lora16_bytes
        allocated = formula(self.model, batch=self.batch, length=self.limit)
        return memory.process_gib(allocated)

    @property
    def margin_gib(self) -> float:
        """Measured processes took 1.07 to 1.29 × the allocation, this assumes 1.25."""
        return 0.13 * self.gib

    @property
    def unsloth_gib(self) -> tuple[float, float]:
        low, high = memory.unsloth_range_bytes(
            self.model, batch=self.batch, length=self.limit, in_4bit=self.in_4bit
        )
        return low / memory.GIB, high / memory.GIB

    @property
    def precision(self) -> str:
        return "4-bit" if self.in_4bit else "16-bit"

    @property
    def words(self) -> str:
        return f"{self.precision}, batch {self.batch}, {self.limit:,} tokens a row"


def best_way(model: ModelSpec, need: Need) -> Way | None:
    """The first way that fits and cuts at most one row in twenty."""
    gpu, profile = need.wishes.gpu, need.profile
    wanted = lengths.row_length(model, need, profile.tokens_p99)
    least = lengths.row_length(model, need, profile.tokens_p95)
    return _first_fit(model, gpu, range(wanted, least - 1, -lengths.STEP))


def shorter_way(model: ModelSpec, need: Need) -> Way | None:
    """The longest limit that fits although it cuts more rows than that."""
    longest = lengths.row_length(model, need, need.profile.tokens_p95)
    limits = range(longest, lengths.SHORTEST - 1, -lengths.STEP)
    return _first_fit(model, need.wishes.gpu, limits)


def smallest_way(model: ModelSpec, need: Need) -> Way:
    """What takes least at the wanted length, fitting or not."""
    profile = need.profile
    limit = lengths.row_length(model, need, profile.tokens_p99)
    return min(_ways(model, need.wishes.gpu, limit), key=lambda way: way.gib)


def _first_fit(model: ModelSpec, gpu: Gpu, limits: range) -> Way | None:
    for limit in limits:
        for way in _ways(model, gpu, limit):
            if way.gib <= gpu.usable_gib:
                return way
    return None


def _ways(model: ModelSpec, gpu: Gpu, limit: int) -> Iterator[Way]:
    small = model.parameters.total < PREFER_16BIT_BELOW
    precisions = (False, True) if small else (True, False)
    for in_4bit in precisions if gpu.can_quantize else (False,):
        for batch in BATCHES:
            yield Way(model, in_4bit, batch, limit)


@dataclass(frozen=True)
class Effort:
    """Of one pass over the data; every figure is an estimate with its range."""

    way: Way
    tokens_per_second: tuple[float, float]
    minutes: tuple[float, float]
    dollars: tuple[float, float] | None


def effort(way: Way, need: Need) -> Effort:
    profile, gpu = need.profile, need.wishes.gpu
    length = lengths.in_model_tokens(way.model, need, profile.average_tokens)
    row = min(length + lengths.TEMPLATE_TOKENS, way.limit)
    on_t4 = memory.t4_tokens_per_second(
        way.model.parameters.total,
        way.model.shape.num_layers,
        in_4bit=way.in_4bit,
        tokens_at_once=row * way.batch,
    )
    slow, fast = (on_t4 * factor for factor in gpu.speed)
    tokens = row * profile.total_examples
    low, high = TIME_RANGE
    minutes = (low * tokens / fast / 60, high * tokens / slow / 60)
    price = gpu.dollars_per_hour
    dollars = (
        (minutes[0] / 60 * price[0], minutes[1] / 60 * price[1]) if price else None
    )
    return Effort(way, (slow / high, fast / low), minutes, dollars)
