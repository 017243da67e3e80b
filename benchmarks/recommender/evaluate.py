"""How far the recommender lies from published measurements.

    .venv/bin/python benchmarks/recommender/evaluate.py [FOLDER]

FOLDER holds the evidence (default: tests/data/evidence).
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from benchmarks.recommender.evaluation import report
from benchmarks.recommender.evidence import read_evidence
from recommender.core.catalog.load import load
from slmgen.errors import InvalidInput

EVIDENCE = ROOT / "tests" / "data" / "evidence"


def main(folder: Path) -> None:
    try:
        evidence = read_evidence(folder)
    except InvalidInput as error:
        raise SystemExit(error.detail) from error
    for line in report(load(ROOT / "recommender" / "catalog.toml"), evidence):
        print(line)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else EVIDENCE)
