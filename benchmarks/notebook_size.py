"""How large a notebook is beside one that carries its data as plain base64.

    python benchmarks/notebook_size.py FILE.jsonl ...

Each file of conversations gives a row, and so do all of them together.
"""

import base64
import json
import os
import sys
import tempfile
import time
from pathlib import Path

import django

REPO = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPO))
os.environ["DJANGO_SETTINGS_MODULE"] = "slmgen.settings"
os.environ["SLMGEN_VAR"] = tempfile.mkdtemp(prefix="slmgen-bench-")
django.setup()

from notebooks.core.building.build import Facts, build  # Django comes first
from notebooks.core.building.embed import embed
from notebooks.core.planning.plan import plan
from notebooks.generation import cells
from recommender.services import catalog
from tests.recommender.test_recommender import make_data


def size(data: bytes) -> tuple[int, float]:
    """Bytes of the notebook and seconds to make it."""
    began = time.perf_counter()
    training = plan(catalog().get("qwen3-0.6b"), make_data())
    packed = embed(data, max_bytes=10**9)
    content = build(cells(), [training], Facts("data.jsonl", 1, 1), packed)
    return len(content), time.perf_counter() - began


def main() -> None:
    files = {Path(name).name: Path(name).read_bytes() for name in sys.argv[1:]}
    files["all of them"] = b"".join(files.values())
    print("| data | examples | bytes | notebook | plain base64 | ratio | seconds |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    empty, _ = size(b"\n")
    for name, data in files.items():
        ours, seconds = size(data)
        plain = empty + len(json.dumps(base64.b64encode(data).decode()))
        print(
            f"| {name} | {len(data.splitlines()):,} "
            f"| {len(data):,} | {ours:,} | {plain:,} | {ours / plain:.2f} "
            f"| {seconds:.1f} |"
        )


if __name__ == "__main__":
    main()
