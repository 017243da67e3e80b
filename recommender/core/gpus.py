"""What a model is trained on: memory, speed beside a T4, and price by the hour."""

import math
import re
from dataclasses import dataclass

from slmgen.errors import InvalidInput

USABLE_SHARE = 0.92  # 14.7 GiB of a T4's 16 GB; the rest is the driver's


@dataclass(frozen=True)
class Gpu:
    """`speed` is beside a T4: the lower and the higher of the ratios of memory
    bandwidth and of 16-bit arithmetic, from data sheets; only the L4's was seen in a
    run (LFM2-1.2B, 3.7 against 2.0 seconds a step). Prices are rough list prices of
    rented machines, in USD an hour; not verified."""

    name: str
    label: str
    usable_gib: float
    speed: tuple[float, float]
    dollars_per_hour: tuple[float, float] | None = None
    can_quantize: bool = True  # 4-bit kernels need an NVIDIA card


GPUS = {
    gpu.name: gpu
    for gpu in (
        Gpu("t4", "a free T4", 14.7, (1.0, 1.0), (0.15, 0.60)),
        Gpu("l4", "an L4", 22.1, (0.94, 1.86), (0.40, 0.90)),
        Gpu("a100", "an A100 of 40 GB", 36.8, (4.8, 4.9), (1.10, 4.00)),
        Gpu("h100", "an H100 of 80 GB", 73.6, (10.5, 15.2)),
        Gpu("rtx-4090", "an RTX 4090", 22.1, (2.5, 3.2)),
        Gpu("rtx-3060", "an RTX 3060 of 12 GB", 11.0, (0.8, 1.1)),
        # 16 GB, of which the system keeps a quarter; weights in 32 bit take twice what
        # the 16-bit formula says, so half of the rest counts. 0.1 to 0.3 TFLOP/s.
        Gpu("cpu", "a PC with 16 GB and no GPU", 6.0, (0.012, 0.036),
            can_quantize=False),
    )
}  # fmt: skip
DEFAULT_GPU = GPUS["t4"]
MIN_GB, MAX_GB = 1, 1024
GIGABYTES = re.compile(r"(\d{1,4}(?:\.\d{1,2})?) ?(?:GB)?", re.IGNORECASE)


def parse_gpu(value: str) -> Gpu:
    """A known name, or gigabytes such as 16. Raises InvalidInput."""
    wanted = value.strip().lower()
    if wanted in GPUS:
        return GPUS[wanted]
    match = GIGABYTES.fullmatch(wanted)
    gigabytes = float(match[1]) if match else math.nan
    if not MIN_GB <= gigabytes <= MAX_GB:
        raise InvalidInput(
            f"gpu is {value!r}; expected one of {', '.join(GPUS)}, or its memory in "
            f"GB from {MIN_GB} to {MAX_GB}, such as 16."
        )
    usable = USABLE_SHARE * gigabytes
    # How fast an unnamed card is cannot be known; a T4 is the slowest in use.
    return Gpu(f"{gigabytes:g}", f"a GPU of {gigabytes:g} GB", usable, (1.0, 5.0))
