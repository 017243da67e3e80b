"""GPUs to train on: memory, speed relative to a T4, and price by the hour."""

import math
import re
from dataclasses import dataclass, replace

from recommender.core.synonyms import Reading
from slmgen.error_text import SEPARATORS, key_of, refusal
from slmgen.errors import InvalidInput

USABLE_SHARE = 0.92  # 14.7 GiB of a T4's 16 GB; the rest is the driver's


@dataclass(frozen=True)
class Gpu:
    """`speed` is relative to a T4: the lower and the higher of the ratios of memory
    bandwidth and of 16-bit arithmetic, from data sheets; only the L4's was seen in a
    run (LFM2-1.2B, 3.7 against 2.0 seconds a step). Prices are rough list prices of
    rented machines, in USD an hour; not verified.
    """

    name: str
    label: str
    usable_gib: float
    speed: tuple[float, float]
    dollars_per_hour: tuple[float, float] | None = None
    can_quantize: bool = True  # 4-bit kernels need an NVIDIA card

    @property
    def title(self) -> str:
        """The label without its article."""
        bare = self.label.partition(" ")[2]
        return bare[0].upper() + bare[1:]


GPUS = {
    gpu.name: gpu
    for gpu in (
        Gpu("t4", "a free T4", 14.7, (1.0, 1.0), (0.15, 0.60)),
        Gpu("l4", "an L4", 22.1, (0.94, 1.86), (0.40, 0.90)),
        Gpu("a100", "a 40 GB A100", 36.8, (4.8, 4.9), (1.10, 4.00)),
        Gpu("h100", "an 80 GB H100", 73.6, (10.5, 15.2)),
        Gpu("rtx-4090", "an RTX 4090", 22.1, (2.5, 3.2)),
        Gpu("rtx-3060", "a 12 GB RTX 3060", 11.0, (0.8, 1.1)),
        # 16 GB, of which the system keeps a quarter; weights in 32 bit take twice what
        # the 16-bit formula says, so half of the rest counts. 0.1 to 0.3 TFLOP/s.
        Gpu("cpu", "a PC with 16 GB and no GPU", 6.0, (0.012, 0.036),
            can_quantize=False),
    )
}  # fmt: skip
DEFAULT_GPU = GPUS["t4"]
MIN_GB, MAX_GB = 1, 1024
GIGABYTES = re.compile(r"(\d{1,4}(?:\.\d{1,2})?)[\s_-]*(?:GB?|GiB)?", re.IGNORECASE)
SYNONYMS = {
    "t4": ("colab", "kaggle"),  # both offer it for free
    "rtx-4090": ("4090",),
    "rtx-3060": ("3060",),
    "cpu": ("cpu_only", "no_gpu", "none"),
}
# Memory in GB, the most common size first: of the cards above, and of those of which
# only the memory is known.
MEMORY_GB = {
    "t4": (16,), "l4": (24,), "a100": (40, 80), "h100": (80, 94),
    "rtx-4090": (24,), "rtx-3060": (12, 8),
    "p100": (16, 12), "v100": (16, 32), "a10": (24,), "a10g": (24,), "a30": (24,),
    "a40": (48,), "l40": (48,), "l40s": (48,), "h200": (141,), "gtx-1080-ti": (11,),
    "rtx-2070": (8,), "rtx-2080": (8,), "rtx-2080-ti": (11,), "rtx-3060-ti": (8,),
    "rtx-3070": (8,), "rtx-3070-ti": (8,), "rtx-3080": (10, 12), "rtx-3080-ti": (12,),
    "rtx-3090": (24,), "rtx-3090-ti": (24,), "rtx-4060": (8,), "rtx-4060-ti": (8, 16),
    "rtx-4070": (12,), "rtx-4070-super": (12,), "rtx-4070-ti": (12,),
    "rtx-4070-ti-super": (16,), "rtx-4080": (16,), "rtx-4080-super": (16,),
    "rtx-5060": (8,), "rtx-5060-ti": (16, 8), "rtx-5070": (12,), "rtx-5070-ti": (16,),
    "rtx-5080": (16,), "rtx-5090": (32,), "rtx-a4000": (16,), "rtx-a5000": (24,),
    "rtx-a6000": (48,), "a6000": (48,), "rtx-6000-ada": (48,),
}  # fmt: skip
# Words that nvidia-smi and shops add to the name of a card.
AROUND = re.compile(r"\b(?:nvidia|tesla|geforce|gpu|hbm\d\w?|pcie|sxm\d?)\b")
EXPECTED = (
    f"one of {', '.join(GPUS)}, or its memory in GB from {MIN_GB} to {MAX_GB}, such as "
    "16"
)


def parse_gpu(value: str) -> Gpu:
    return read_gpu(value).value


def read_gpu(value: str) -> Reading[Gpu]:
    """A known name in any spelling, or gigabytes such as 16. Raises InvalidInput."""
    words = SEPARATORS.sub(" ", value.lower())
    for spelling in (words, AROUND.sub("", words)):
        if found := CARDS.get(key_of(spelling)):
            return found
    match = GIGABYTES.fullmatch(value.strip())
    gigabytes = float(match[1]) if match else math.nan
    if not MIN_GB <= gigabytes <= MAX_GB:
        raise InvalidInput(refusal("gpu", value, EXPECTED, _like(value)))
    return Reading(_of_memory(gigabytes))


def _like(value: str) -> tuple[str, ...]:
    """Names that may have been meant."""
    words = key_of(value)
    of_card = [
        name for name in SIZES if words.startswith(key_of(name)) and words[-2:] == "gb"
    ]
    if of_card:  # a known card with a memory size it does not come in
        return SIZES[max(of_card, key=len)]
    return () if words.replace(".", "").isdecimal() else KNOWN


def _of_memory(gigabytes: float) -> Gpu:
    usable = USABLE_SHARE * gigabytes
    # The speed of an unnamed card is unknown; a T4 is the slowest in use.
    return Gpu(f"{gigabytes:g}", _sized(gigabytes, "GPU"), usable, (1.0, 5.0))


def _sized(gigabytes: float, kind: str) -> str:
    """Such as "a 16 GB GPU"; "an" before 8, 11 and 18."""
    number = f"{gigabytes:g}"
    is_vowel = number[0] == "8" or number.partition(".")[0] in {"11", "18"}
    return f"{'an' if is_vowel else 'a'} {number} GB {kind}"


def _cards() -> dict[str, Reading[Gpu]]:
    """Every name of a card without separators, and the card it stands for."""
    found = {}
    for name, sizes in MEMORY_GB.items():
        for gigabytes in sizes:
            found[key_of(f"{name}-{gigabytes}gb")] = _card(name, gigabytes)
        found[key_of(name)] = _card(name, sizes[0])
    for name, gpu in GPUS.items():
        for synonym in (name, *SYNONYMS.get(name, ())):
            found[key_of(synonym)] = Reading(gpu)
    return found


def _card(name: str, gigabytes: int) -> Reading[Gpu]:
    if name not in GPUS:
        remark = f"gpu {name}: only its memory is known, so {gigabytes} GB was used"
        return Reading(_of_memory(gigabytes), remark)
    gpu = GPUS[name]
    if gigabytes == MEMORY_GB[name][0]:
        return Reading(gpu)
    return Reading(
        replace(
            gpu,
            name=f"{name}-{gigabytes}gb",
            label=_sized(gigabytes, gpu.label.split(" GB ")[-1]),
            usable_gib=gpu.usable_gib * gigabytes / MEMORY_GB[name][0],
            dollars_per_hour=None,
        )
    )


CARDS = _cards()
SIZES = {
    name: tuple(f"{name}-{gigabytes}gb" for gigabytes in sizes)
    for name, sizes in MEMORY_GB.items()
}
KNOWN = (
    *GPUS,
    *(synonym for names in SYNONYMS.values() for synonym in names),
    *(name for name in MEMORY_GB if name not in GPUS),
    *(name for names in SIZES.values() for name in names),
)
HELP = (
    f"{EXPECTED}. Also {', '.join(sorted({*MEMORY_GB} - {*GPUS}))}, by their memory "
    "alone; names as nvidia-smi writes them; an 80 GB card as a100-80gb; colab and "
    "kaggle for t4, no_gpu for cpu"
)
