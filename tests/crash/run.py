"""Kills web and worker at every step, and writes docs/reliability.md.

    python tests/crash/run.py --times 12

One executor runs on SQLite and a folder, the other on PostgreSQL, Redis, Celery and an
S3 server, both at the same time and with leases of two seconds.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import nullcontext
from datetime import timedelta
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPO))

from tests.with_services import services  # noqa: E402

DOCUMENT = REPO / "docs/reliability.md"
BEGIN, END = "<!-- begin of the table -->\n", "<!-- end of the table -->\n"
EXECUTORS = ("embedded", "celery")
PARTS = ("web", "worker")
FAST = {
    "SLMGEN_LEASE_SECONDS": "2",
    "SLMGEN_INLINE_ANALYSIS_MB": "0",
    "SLMGEN_ANALYSIS_WAIT_SECONDS": "0",
    "SLMGEN_LOG_LEVEL": "WARNING",
}


def try_all(executor: str, times: int) -> list[list[str]]:
    """The rows of the table for an executor. Django is set up for its environment."""
    import django
    from django.conf import settings
    from django.contrib.auth import get_user_model
    from django.db import connection

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "slmgen.settings")
    django.setup()
    from slmgen.identity.services import token_for
    from tests.crash.server import Server
    from tests.crash.steps import STEPS, Steps

    server = Server(dict(os.environ))
    assert executor == settings.SLMGEN_TASKS
    get_user_model().objects.create_user("crash", password="crash-password")
    steps = Steps(server, token_for(username="crash", password="crash-password"))
    table = []
    try:
        for name, step in STEPS.items():
            for part in PARTS:
                runs = []
                for _ in range(times):
                    runs.append(step(steps, part))
                    connection.close()
                orphans = settle(server)
                middle = sum(run.in_the_middle for run in runs)
                slowest = max(run.seconds for run in runs)
                row = [executor, name, part, f"{middle} of {times}",
                       f"{slowest:.1f} s", str(orphans)]  # fmt: skip
                print(*row, sep=" | ", file=sys.stderr, flush=True)
                table.append(row)
    finally:
        server.stop()
    return table


def settle(server: object) -> int:
    """The orphans that were swept; afterwards rows and files must agree."""
    from datasets.models import ACTIVE, WorkItem
    from datasets.storage.files import differences, sweep

    while WorkItem.objects.filter(state__in=ACTIVE).exists():
        time.sleep(0.2)
    failed = WorkItem.objects.filter(state="failed").values_list("message", flat=True)
    assert not failed, list(failed)
    orphans = sweep(timedelta(0))
    left = differences(timedelta(0))
    assert not left.orphans, left.orphans
    assert not left.missing, left.missing
    return orphans


def child(executor: str, times: int) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, __file__, "--executor", executor, "--times", str(times)],
        stdout=subprocess.PIPE,
    )


def faults(times: int) -> list[list[str]]:
    from tests.crash import faults as tried

    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, **FAST, "SLMGEN_VAR": f"{folder}/var"}
        Path(environment["SLMGEN_VAR"]).mkdir()
        return [
            [
                "SIGTERM during an upload",
                tried.told_to_stop(environment, times),
            ],
            ["database locked for 3 seconds", tried.locked_database(environment)],
            ["disk full", tried.full_disk(environment, Path(folder))],
        ]


def lines(head: list[str], rows: list[list[str]]) -> str:
    table = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(row)} |\n" for row in table)


def write(kills: list[list[str]], others: list[list[str]], times: int) -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    head = ["executor", "step", "killed", "in the middle of it", "longest way back",
            "orphans swept"]  # fmt: skip
    new = f"{len(kills) * times} kills, {times} in each row.\n\n{lines(head, kills)}"
    new += "\n" + lines(["what happened", "what came of it"], others)
    start, end = text.index(BEGIN) + len(BEGIN), text.index(END)
    DOCUMENT.write_text(f"{text[:start]}\n{new}\n{text[end:]}", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=12)
    parser.add_argument("--executor", choices=EXECUTORS)
    wanted = parser.parse_args()
    if wanted.executor is None:
        running = [child(name, wanted.times) for name in EXECUTORS]
        outputs = [process.communicate()[0] for process in running]
        if any(process.returncode for process in running):
            raise SystemExit("not everything ended well")
        kills = [row for output in outputs for row in json.loads(output)]
        write(kills, faults(min(wanted.times, 6)), wanted.times)
        return
    with tempfile.TemporaryDirectory() as var:
        shared = wanted.executor == "celery"
        with services() if shared else nullcontext({}) as variables:
            os.environ.update(FAST, **variables, SLMGEN_VAR=var)
            os.environ["SLMGEN_TASKS"] = wanted.executor
            os.environ["SLMGEN_STORAGE"] = "s3" if shared else "files"
            print(json.dumps(try_all(wanted.executor, wanted.times)))


if __name__ == "__main__":
    main()
