"""Makes a large realistic chat file from small ones.

    python benchmarks/corpus.py [FOLDER] OUT [--examples 100000]

FOLDER holds datasets in any form that the product reads; `folders.py` says which it is
where none is named. Conversations of one dataset are joined and their sentences are
shuffled until there are enough different ones; one in twenty is an exact copy of an
earlier one. The same arguments make the same file.
"""

import argparse
import io
import json
import random
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.folders import small_datasets
from datasets.core.ingestion.ingest import Limits, Targets, ingest
from slmgen.errors import InvalidInput

LIMITS = Limits(max_bytes=10**9, max_row_bytes=10**7, min_examples=1)
COPIES = 0.05
SENTENCE = re.compile(r"(?<=[.!?。！？]) ?")
RECENT = 2_000  # copies are of one of the last so many


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("out", type=Path)
    parser.add_argument("--examples", type=int, default=100_000)
    arguments = parser.parse_args()
    write_corpus(small_datasets(arguments.folder), arguments.out, arguments.examples)


def write_corpus(folder: Path, out: Path, count: int) -> None:
    source = random.Random(20261125)
    sets = [rows for path in sorted(folder.iterdir()) if (rows := read(path))]
    recent: list[bytes] = []
    with out.open("wb") as file:
        for line in lines(sets, source, recent, count):
            file.write(line)


def read(path: Path) -> list[dict[str, Any]]:
    targets = Targets(io.BytesIO(), io.BytesIO(), io.BytesIO())
    try:
        with path.open("rb") as file:
            ingest(file, targets, LIMITS)
    except InvalidInput:
        return []  # a table of contents or a license
    return [json.loads(line) for line in targets.examples.getvalue().splitlines()]  # type: ignore[attr-defined]


def lines(
    sets: list[list[dict[str, Any]]],
    source: random.Random,
    recent: list[bytes],
    count: int,
) -> Iterator[bytes]:
    for _ in range(count):
        if recent and source.random() < COPIES:
            yield source.choice(recent)
            continue
        example = varied(source.choice(sets), source)
        line = json.dumps(example, ensure_ascii=False).encode() + b"\n"
        recent.append(line)
        del recent[:-RECENT]
        yield line


def varied(rows: list[dict[str, Any]], source: random.Random) -> dict[str, Any]:
    """One to three conversations in one, with the sentences of each text shuffled."""
    parts = [source.choice(rows) for _ in range(source.choice((1, 1, 2, 3)))]
    messages = [
        {**message, "content": shuffled(message.get("content"), source)}
        for part in parts
        for message in part["messages"]
        if message["role"] != "system" or part is parts[0]
    ]
    return {**parts[0], "messages": messages}


def shuffled(text: Any, source: random.Random) -> Any:
    if not isinstance(text, str) or len(text) < 20:
        return text
    sentences = [part for part in SENTENCE.split(text) if part.strip()]
    source.shuffle(sentences)
    return " ".join(sentences)


if __name__ == "__main__":
    main()
