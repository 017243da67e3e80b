"""The presets, which decide the settings that are left to be computed."""

from collections.abc import Callable
from dataclasses import dataclass

from datasets.core.analysis.profile import Profile

EXAMPLES_PER_STEP = 8
FEW_EXAMPLES = 200  # with fewer, a high rank memorizes them


@dataclass(frozen=True)
class Preset:
    wanted_steps: int  # reached by repeating small data
    max_epochs: int
    max_steps: int  # -1: no limit, all steps of the epochs
    lora_rank: int  # halved for few examples
    # The tokens an example may have without being cut
    covered: Callable[[Profile], int]
    learning_rate: float  # halved from 5 billion parameters on

    def rank_for(self, rows: int) -> int:
        return self.lora_rank // (2 if rows < FEW_EXAMPLES else 1)

    def epochs_for(self, rows: int) -> float:
        """Enough for the wanted steps: from 1 (much data) to the maximum (little
        data)."""
        epochs = self.wanted_steps * EXAMPLES_PER_STEP / max(rows, 1)
        return float(min(max(round(epochs), 1), self.max_epochs))

    def steps_for(self, rows: int) -> int:
        """The limit on steps; -1 leaves it to the epochs."""
        steps = rows * self.epochs_for(rows) / EXAMPLES_PER_STEP
        return self.max_steps if 0 < self.max_steps < steps else -1


PRESETS = {
    "fast": Preset(100, 2, 100, 8, lambda profile: profile.tokens_p95, 2e-4),
    "balanced": Preset(300, 5, -1, 16, lambda profile: profile.tokens_p99, 2e-4),
    "quality": Preset(600, 8, -1, 32, lambda profile: profile.tokens_max, 1e-4),
}
DEFAULT_PRESET = "balanced"
VALIDATION_FRACTION = 0.1
MIN_VALIDATED = 10  # with fewer rows there is no validation set


def held_back(rows: int, fraction: float) -> int:
    """The number of validation rows, which are not trained on."""
    if rows < MIN_VALIDATED or not fraction:
        return 0
    return max(1, round(rows * fraction))
