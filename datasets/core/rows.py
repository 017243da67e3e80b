"""One row of an upload, before anybody knows whether it is an example."""

from dataclasses import dataclass

from datasets.core.faults import Fault


@dataclass(frozen=True, slots=True)
class Row:
    """JSON text and the line of the file (from 1) that it starts on."""

    line: int
    offset: int  # bytes from the start of the (unpacked, UTF-8) text
    text: bytes
    fault: Fault | None = None  # why there is no text


def too_long(limit: int) -> Fault:
    return Fault(
        "length",
        found=f"longer than {limit // 10**6} MB",
        expected="at most that much for one example",
        fix="split it",
    )
