"""An upload → its canonical form: one valid conversation a line, as it was written."""

import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from datasets.core.conversations import Problem
from datasets.core.formats import Row, not_text, read_rows
from datasets.core.parsing import Fault, parse
from datasets.core.quality import SHOWN_PROBLEMS
from slmgen.errors import InvalidInput

VALID_SHARE_NEEDED = 0.9
LINES_NAMED_IN_REFUSAL = 5
MAX_EXAMPLES = 5_000_000


@dataclass(frozen=True)
class Limits:
    max_bytes: int
    max_row_bytes: int
    min_examples: int


@dataclass(frozen=True)
class Ingested:
    """What came of an upload. `problems` holds the first `SHOWN_PROBLEMS`."""

    size: int  # bytes received
    sha256: str  # of the bytes received
    examples: int
    examples_bytes: int
    examples_sha256: str
    bad_lines: int
    problems: tuple[Problem, ...]


@dataclass
class _Progress:
    examples: int = 0
    written: int = 0
    bad_lines: int = 0
    problems: list[Problem] = field(default_factory=list)

    def report(self, problem: Problem) -> None:
        self.bad_lines += 1
        if len(self.problems) < SHOWN_PROBLEMS:
            self.problems.append(problem)


def ingest(source: BinaryIO, target: BinaryIO, limits: Limits) -> Ingested:
    """Writes the valid examples of `source` to `target`.

    Raises InvalidInput when too little of it can be trained on, TooLarge.
    """
    raw = _Hashed(source)
    progress = _Progress()
    digest = hashlib.sha256()
    for text in _valid_texts(raw, limits, progress):
        line = text + b"\n"
        target.write(line)
        digest.update(line)
        progress.examples += 1
        progress.written += len(line)
    raw.drain()
    _check_enough(progress, limits)
    return Ingested(
        size=raw.size,
        sha256=raw.digest.hexdigest(),
        examples=progress.examples,
        examples_bytes=progress.written,
        examples_sha256=digest.hexdigest(),
        bad_lines=progress.bad_lines,
        problems=tuple(progress.problems),
    )


def _valid_texts(
    raw: "_Hashed", limits: Limits, progress: _Progress
) -> Iterator[bytes]:
    rows = read_rows(
        raw, max_row_bytes=limits.max_row_bytes, max_bytes=limits.max_bytes
    )
    for row in rows:
        if row.text is None:
            megabytes = limits.max_row_bytes // 10**6
            sentence = (
                f"longer than {megabytes} MB, the most for one example; split it."
            )
            progress.report(Problem(row.line, "length", sentence))
            continue
        try:
            parse(row.text)
        except Fault as fault:
            progress.report(Problem(row.line, fault.kind, fault.sentence))
        except UnicodeDecodeError as error:
            raise not_text("UTF-8", row.offset + _start(row, error)) from None
        else:
            if progress.examples == MAX_EXAMPLES:
                raise InvalidInput(
                    f"Line {row.line:,}: more than {MAX_EXAMPLES:,} examples; "
                    "split the file."
                )
            yield row.text


def _start(row: Row, error: UnicodeDecodeError) -> int:
    """Where in the row the first byte stands that is not UTF-8."""
    try:
        (row.text or b"").decode()
    except UnicodeDecodeError as own:
        return own.start
    return error.start


def _check_enough(progress: _Progress, limits: Limits) -> None:
    valid, bad = progress.examples, progress.bad_lines
    if not valid and not bad:
        raise InvalidInput(
            "The file is empty; expected one JSON object a line, such as "
            '{"messages": [{"role": "user", "content": "..."}, '
            '{"role": "assistant", "content": "..."}]}.'
        )
    if valid < limits.min_examples or valid < VALID_SHARE_NEEDED * (valid + bad):
        named = progress.problems[:LINES_NAMED_IN_REFUSAL]
        lines = " ".join(map(str, named))
        more = f" And {bad - len(named):,} more." if bad > len(named) else ""
        raise InvalidInput(
            f"{valid:,} of {valid + bad:,} lines can be trained on; needed are at "
            f"least {limits.min_examples:,} and {VALID_SHARE_NEEDED:.0%} of all. "
            f"{lines}{more}"
        )


class _Hashed(io.RawIOBase, BinaryIO):
    """Takes the SHA-256 and the size of what is read, however often one seeks back."""

    def __init__(self, source: BinaryIO) -> None:
        self.source = source
        self.digest = hashlib.sha256()
        self.size = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self.source.seek(offset, whence)

    def tell(self) -> int:
        return self.source.tell()

    def read(self, size: int = -1) -> bytes:
        start = self.source.tell()
        data = self.source.read(size)
        fresh = data[max(self.size - start, 0) :] if start <= self.size else b""
        self.digest.update(fresh)
        self.size += len(fresh)
        return data

    def drain(self) -> None:
        while self.read(1 << 20):
            continue
