"""Times and figures of a run, worded for pages."""

from datetime import timedelta

from jobs.core.progress import MAX_VALUE, measured

MINUTE, HOUR = 60, 3600
SOON_SECONDS = 20


def time_left(seconds: tuple[int, int] | None) -> str:
    """A range, because a single number would promise too much."""
    if seconds is None:
        return ""
    low, high = seconds
    if high <= SOON_SECONDS:
        return "less than half a minute"
    for unit, word in ((HOUR, "hours"), (MINUTE, "minutes")):
        if high >= 2 * unit:
            return _range(low / unit, high / unit, word)
    return _range(low / 10, high / 10, "seconds", 10)


def _range(low: float, high: float, word: str, by: int = 1) -> str:
    first, last = max(1, int(low)) * by, max(1, -int(-high // 1)) * by
    return f"{first} to {last} {word}" if first != last else f"about {first} {word}"


def duration(spent: timedelta) -> str:
    seconds = max(0, round(spent.total_seconds()))
    hours, rest = divmod(seconds, HOUR)
    minutes, seconds = divmod(rest, MINUTE)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {seconds} s" if minutes else f"{seconds} s"


def loss(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def reported(value: float | None) -> str:
    """A loss as its notebook reported it."""
    return "diverged" if measured(value) is None else loss(value)


def diverged(steps: tuple[int, ...]) -> str:
    if not steps:
        return ""
    return (
        f"The loss diverged at step {steps[0]:,}: it was infinite, not a number, or "
        f"above {MAX_VALUE:,.0f}. A lower learning rate usually helps."
    )
