"""How far the settings go that somebody leaves to be computed."""

from collections.abc import Callable
from dataclasses import dataclass

from datasets.core.analysis.profile import Profile

EXAMPLES_PER_STEP = 8
FEW_EXAMPLES = 200  # below, a wide adapter learns them by heart


@dataclass(frozen=True)
class Preset:
    wanted_steps: int  # by repeating little data
    max_epochs: int
    max_steps: int  # -1: as many as the epochs have
    lora_rank: int  # half of it for few examples
    covered: Callable[[Profile], int]  # tokens of the examples that must fit
    learning_rate: float  # half of it from 5 billion parameters on

    def rank_for(self, rows: int) -> int:
        return self.lora_rank // (2 if rows < FEW_EXAMPLES else 1)

    def epochs_for(self, rows: int) -> float:
        """Enough for the wanted steps, from 1 (much data) to the most (little)."""
        epochs = self.wanted_steps * EXAMPLES_PER_STEP / max(rows, 1)
        return float(min(max(round(epochs), 1), self.max_epochs))

    def steps_for(self, rows: int) -> int:
        """Where to stop; -1 leaves it to the epochs."""
        steps = rows * self.epochs_for(rows) / EXAMPLES_PER_STEP
        return self.max_steps if 0 < self.max_steps < steps else -1


PRESETS = {
    "fast": Preset(100, 2, 100, 8, lambda profile: profile.tokens_p95, 2e-4),
    "balanced": Preset(300, 5, -1, 16, lambda profile: profile.tokens_p99, 2e-4),
    "quality": Preset(600, 8, -1, 32, lambda profile: profile.tokens_max, 1e-4),
}
DEFAULT_PRESET = "balanced"
VALIDATION_FRACTION = 0.1
MIN_VALIDATED = 10  # of fewer rows none is held back


def held_back(rows: int, fraction: float) -> int:
    """Rows to measure with, which are not trained on."""
    if rows < MIN_VALIDATED or not fraction:
        return 0
    return max(1, round(rows * fraction))
