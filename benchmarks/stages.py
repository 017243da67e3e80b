"""What each stage of the way costs, and how the cost grows with the file.

    python benchmarks/stages.py [--megabytes 1 4 16 64]

Seconds on a machine that does nothing else, one process counting, a store of its own.
Data are read by processes of their own, whose CPU time no other process is told. The
exponent is that of the size: 1 is a cost that grows as the file does.
"""

import argparse
import math
import os
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))


def measured(work: Callable[[], object]) -> tuple[float, object]:
    begun = time.monotonic()
    made = work()
    return time.monotonic() - begun, made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, nargs="+", default=[1, 4, 16, 64])
    sizes = parser.parse_args().megabytes
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {
            "SLMGEN_VAR": folder, "SLMGEN_PROCESSES": "1", "SLMGEN_LOG_LEVEL": "ERROR",
            "SLMGEN_INLINE_ANALYSIS_MB": "0", "SLMGEN_ANALYSIS_WAIT_SECONDS": "0",
            "DJANGO_SETTINGS_MODULE": "slmgen.settings",
        }  # fmt: skip
        import django

        django.setup()
        from django.core.management import call_command

        call_command("migrate", verbosity=0)
        stages(1)  # loads vocabularies and libraries
        rows = [stages(size) for size in sizes]
    print("| stage | " + " | ".join(f"{size} MB" for size in sizes) + " | grows as |")
    print("|---" * (len(sizes) + 2) + "|")
    for name in rows[0]:
        times = [row[name] for row in rows]
        power = math.log(times[-1] / times[0]) / math.log(sizes[-1] / sizes[0])
        shown = " | ".join(f"{1000 * seconds:,.0f} ms" for seconds in times)
        print(f"| {name} | {shown} | size^{power:.2f} |")


def stages(megabytes: int) -> dict[str, float]:
    # Imported here: each process that reads data runs the top of this file again.
    from django.contrib.auth.models import AnonymousUser
    from django.core.files.uploadedfile import TemporaryUploadedFile
    from django.core.management import call_command

    from benchmarks.serving import MB, conversations
    from datasets.services import examples_page, find_dataset, upload_dataset
    from recommender.services import best_model

    nobody = AnonymousUser()
    content = conversations(megabytes * MB, seed=megabytes)
    file = TemporaryUploadedFile("chat.jsonl", "", len(content), "utf-8")
    file.write(content)
    file.seek(0)
    times: dict[str, float] = {}
    times["receive, check, store"], dataset = measured(
        lambda: upload_dataset(file=file, owner=nobody)
    )
    times["analyze"], _ = measured(
        lambda: call_command("work", drain=True, verbosity=0)
    )
    dataset = find_dataset(dataset.id, user=nobody)
    last = dataset.total_examples // 5
    times["last page of the preview"], _ = measured(
        lambda: list(examples_page(dataset, page=last, page_size=5).examples)
    )
    times["recommend"], model = measured(lambda: best_model(dataset))

    times["generate the notebook"], _ = measured(lambda: make_notebook(dataset, model))
    return times


def make_notebook(dataset: Any, model: Any) -> None:
    from django.core.management import call_command

    from notebooks.services import generate_notebook
    from slmgen.errors import NotReady

    generate = partial(
        generate_notebook, dataset, model=model, training_config=None, server="http://x"
    )
    with suppress(NotReady):  # of a large one a worker makes it
        generate()
    call_command("work", drain=True, verbosity=0)
    generate()


if __name__ == "__main__":
    main()
