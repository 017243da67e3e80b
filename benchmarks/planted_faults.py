"""Plants every kind of fault at known lines of real data and tells what was found.

    python benchmarks/planted_faults.py FILE [FILE ...] [--rounds 20]

The files are chat JSONL without faults of their own; a round plants each kind into ten
rows of each file.
"""

import argparse
import io
import json
import random
import sys
from collections import Counter
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.plants import FORMS, PLANTS
from datasets.core.ingestion.ingest import Limits, Targets, ingest
from datasets.core.ingestion.problem_log import FIRST_LINES

LIMITS = Limits(max_bytes=10**9, max_row_bytes=10**7, min_examples=1)
ROWS_SPOILED = 10


def main() -> None:
    arguments = parse()
    source = random.Random(arguments.seed)
    files = [rows_of(path) for path in arguments.files]
    print("| kind | planted | named | also named | recall | precision |")
    print("|---|---:|---:|---:|---:|---:|")
    for kind in PLANTS | FORMS:
        counts: Counter[str] = Counter()
        for _ in range(arguments.rounds):
            for rows in files:
                counts += round_of(kind, rows, source)
        planted, named, false = counts["planted"], counts["named"], counts["false"]
        if not planted:
            continue
        recall = named / planted
        precision = named / (named + false) if named else 0.0
        print(
            f"| `{kind}` | {planted} | {named} | {false} | {recall:.1%} "
            f"| {precision:.1%} |"
        )


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def rows_of(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def round_of(kind: str, rows: list[Any], source: random.Random) -> Counter[str]:
    """Plants into some rows; named are those found on their lines, false all others."""
    spoiled = list(rows)
    planted = set()
    for place in source.sample(range(len(rows)), len(rows)):
        if len(planted) == ROWS_SPOILED:
            break
        if (example := (PLANTS | FORMS)[kind](rows[place], source)) is not None:
            spoiled[place] = example
            planted.add(place + 1)
    named = lines_named(kind, spoiled)
    assert len(planted) <= FIRST_LINES
    return Counter(
        planted=len(planted), named=len(named & planted), false=len(named - planted)
    )


def lines_named(kind: str, rows: list[Any]) -> set[int]:
    content = b"".join(json.dumps(row).encode() + b"\n" for row in rows)
    targets = Targets(io.BytesIO(), io.BytesIO(), io.BytesIO())
    ingest(io.BytesIO(content), targets, LIMITS)
    found = map(json.loads, targets.problems.getvalue().splitlines())  # type: ignore[attr-defined]
    return {problem["line"] for problem in found if problem["kind"] == kind}


if __name__ == "__main__":
    main()
