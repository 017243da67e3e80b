"""How balanced answers are, where they are labels, as in classification."""

from collections import Counter
from typing import Any

EXAMPLES_PER_LABEL = 5  # on average; with fewer, answers are no labels
SHOWN = 100


def balance(answers: Counter[str] | None, examples: int) -> dict[str, Any] | None:
    """None where answers are too long or too varied to be labels."""
    if not answers or len(answers) < 2 or examples < EXAMPLES_PER_LABEL * len(answers):
        return None
    ordered = answers.most_common()
    most, least = ordered[0][1], ordered[-1][1]
    return {
        "labels": len(ordered),
        "counts": dict(ordered[:SHOWN]),
        "most": most,
        "least": least,
        "imbalance": round(most / least, 1),
    }
