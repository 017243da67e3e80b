"""The same as `fuzz.py`, but led by coverage: what reaches new code is damaged further.

    python benchmarks/fuzz_atheris.py [FOLDER] [--minutes 10]

Needs the package atheris, which the development requirements leave out: its wheel is 35
MB and is built for few versions of Python. What it traces it keeps (two to five
megabytes a file), so it runs in spells that hand their corpus on. A file that fails is
written as `crash-…` where the command runs.
"""

import argparse
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import atheris

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

with atheris.instrument_imports(include=["datasets", "slmgen"]):
    from benchmarks import fuzz
from benchmarks.folders import small_datasets

MAX_BYTES = 20_000
SPELL_RUNS = 1_500


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--spell", type=Path, help=argparse.SUPPRESS)  # its corpus
    arguments = parser.parse_args()
    folder = small_datasets(arguments.folder)
    seeds = fuzz.seeds_of(sorted(folder.iterdir()))
    if arguments.spell:
        spell(arguments.spell, seeds)
        return
    end = time.monotonic() + 60 * arguments.minutes
    with tempfile.TemporaryDirectory(prefix="slmgen-fuzz-") as corpus:
        for number, seed in enumerate(seeds):
            (Path(corpus) / str(number)).write_bytes(seed[:MAX_BYTES])
        command = [sys.executable, __file__, str(folder), "--spell", corpus]
        while time.monotonic() < end:
            if failed := subprocess.run(command).returncode:
                sys.exit(failed)
        print(
            f"{len(list(Path(corpus).iterdir())):,} files reach all that was reached."
        )


def spell(corpus: Path, seeds: list[bytes]) -> None:
    options = [
        f"-runs={SPELL_RUNS}",
        f"-max_len={MAX_BYTES}",
        "-timeout=60",
        "-rss_limit_mb=12000",  # the tracing; one file that needs much is told below
        "-malloc_limit_mb=2000",
    ]
    atheris.Setup(
        [sys.argv[0], *options, str(corpus)],
        fuzz.is_read,
        custom_mutator=_mutator(seeds),
    )
    atheris.Fuzz()


def _mutator(seeds: list[bytes]):  # type: ignore[no-untyped-def]  # atheris has no types
    """Half of the time the damage that `fuzz.py` does, else libFuzzer's own."""

    def mutate(content: bytes, most: int, seed: int) -> bytes:
        source = random.Random(seed)
        if source.random() < 0.5:
            return bytes(fuzz.damaged(content, seeds, source)[:most])
        return bytes(atheris.Mutate(content, most))

    return mutate


if __name__ == "__main__":
    main()
