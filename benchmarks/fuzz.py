"""Throws damaged files at the data engine: each must give a result or a named refusal.

    python benchmarks/fuzz.py [FOLDER] [--minutes 10]

Begins with the heads of the files in FOLDER (small datasets in any form; `folders.py`
says which where none is named) and damages them: bytes replaced, cut, doubled, swapped
between files, hostile values put in.
`fuzz_atheris.py` does the same led by coverage.
"""

import argparse
import gzip
import hashlib
import io
import json
import random
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.folders import small_datasets
from datasets.core.analysis.analyze import Counting, Upload, analyze
from datasets.core.exports.export import FORMS, export
from datasets.core.fixes.apply import FixPlan, apply_fixes
from datasets.core.fixes.operations import FIXES, Repair
from datasets.core.ingestion.ingest import Limits, Targets, ingest, sample
from datasets.core.insights.insights import find_insights
from datasets.core.layouts.columns import CHAT, Layout
from recommender.services import catalog
from slmgen.errors import InvalidInput, TooLarge

LIMITS = Limits(max_bytes=5_000_000, max_row_bytes=200_000, min_examples=1)
HEAD_ROWS = 12
REFUSALS = (InvalidInput, TooLarge)
REPAIRS = tuple(
    Repair(kind, tuple(FIXES), {"user": "assistant"})
    for kind in ("normalize", "fix_faults", "mask_private", "fold_system", "map_roles",
                 "drop_exact_duplicates", "drop_faults")
)  # fmt: skip
HOSTILE = [
    b"null", b"[]", b"{}", b"1e999", b"-0", b"NaN", b'"\\ud800"', b'"\\u0000"', b"true",
    b"9" * 400, b'{"role":"user","content":' * 30, b"[" * 200, b'"', b"\\", b"\x00",
    b"\xff", b"\xed\xa0\x80", b"\r", b"\n", b"\t", b",", b'"messages"', b'"from"',
    b'"tool_calls":[{}]', b'"content":[{"type":"text","text":"x"}]', b'"weight":"1"',
    b"\xef\xbb\xbf", b"\xff\xfe", b"\x1f\x8b", b"PAR1", b"<|im_end|>", b"{{x}}",
]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    seeds = seeds_of(sorted(small_datasets(arguments.folder).iterdir()))
    source = random.Random(arguments.seed)
    end = time.monotonic() + 60 * arguments.minutes
    outcomes = {True: 0, False: 0}
    while time.monotonic() < end:
        content = damaged(source.choice(seeds), seeds, source)
        try:
            outcomes[is_read(content)] += 1
        except Exception:  # any other end than a result or a refusal is a find
            Path("fuzz-failure.bin").write_bytes(content)
            print("Failed; the file is fuzz-failure.bin.")
            raise
    print(f"{outcomes[True]:,} read, {outcomes[False]:,} refused, nothing else.")


def seeds_of(paths: Iterable[Path]) -> list[bytes]:
    heads = [head_of(path) for path in paths]
    heads += [gzip.compress(head) for head in heads[:3]]
    heads += [head.decode(errors="ignore").encode("utf-16") for head in heads[:2]]
    return heads


def head_of(path: Path) -> bytes:
    content = path.read_bytes()
    if path.suffix == ".parquet":
        return content
    if path.suffix == ".json":
        return json.dumps(json.loads(content)[:HEAD_ROWS]).encode()
    return b"".join(content.splitlines(keepends=True)[:HEAD_ROWS])


def damaged(content: bytes, seeds: list[bytes], source: random.Random) -> bytes:
    for _ in range(source.choice((0, 1, 1, 2, 5))):
        place = source.randrange(len(content) + 1)
        end = min(place + source.choice((0, 1, 4, 50)), len(content))
        other = source.choice(seeds)
        start = source.randrange(len(other))
        piece = source.choice((
            source.choice(HOSTILE), source.choice(HOSTILE), b"",
            bytes([source.randrange(256)]), content[place : place + 200],
            other[start : start + 300],
        ))  # fmt: skip
        content = content[:place] + piece + content[end:]
    return content


def is_read(content: bytes) -> bool:
    """Whether all of the engine took the file; False for a named refusal."""
    targets = Targets(io.BytesIO(), io.BytesIO(), io.BytesIO())
    try:
        found = ingest(io.BytesIO(content), targets, LIMITS)
    except REFUSALS:
        return False
    digest = hashlib.sha256(targets.examples.getvalue()).hexdigest()
    assert digest == found.examples_sha256, "the hash is of another file"
    use(content, targets.examples, found)
    return True


def use(content: bytes, examples: Any, found: Any) -> None:
    """What is done with a file that was taken."""
    examples.seek(0)
    upload = Upload(found.bad_lines, (), found.faulty_examples, found.groups)
    _, records = analyze(examples, upload, Counting(), lambda done: None)
    examples.seek(0)
    find_insights(examples, records, catalog().tokenizers, 1, lambda done: None)
    for form in FORMS:
        examples.seek(0)
        refused_or_done(lambda form=form: export(examples, io.BytesIO(), form))
    refused_or_done(lambda: sample(io.BytesIO(content), LIMITS, found.layout))
    for rows, layout in ((content, found.layout), (examples.getvalue(), CHAT)):
        refused_or_done(lambda rows=rows, layout=layout: repair(rows, layout))


def repair(rows: bytes, layout: Layout) -> None:
    apply_fixes(io.BytesIO(rows), io.BytesIO(), LIMITS, layout, FixPlan(REPAIRS))


def refused_or_done(work: Any) -> None:
    try:
        work()
    except REFUSALS:
        return


if __name__ == "__main__":
    main()
