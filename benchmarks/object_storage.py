"""Pages of a large dataset in object storage: time, requests and bytes of each.

python tests/with_services.py python benchmarks/object_storage.py --megabytes 200
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

PAGES = 20


def rows(megabytes: int) -> bytes:
    text = "The quick brown fox jumps over the lazy dog. " * 12
    messages = [{"role": role, "content": text} for role in ("user", "assistant")]
    line = json.dumps({"messages": messages}).encode() + b"\n"
    return line * (megabytes * 10**6 // len(line))


def range_of(request: object) -> str:
    return str(request.headers.get("Range"))  # type: ignore[attr-defined]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=200)
    megabytes = parser.parse_args().megabytes
    var = tempfile.TemporaryDirectory()
    os.environ.update(
        SLMGEN_VAR=var.name, SLMGEN_STORAGE="s3", SLMGEN_INLINE_ANALYSIS_MB="10000",
        DJANGO_SETTINGS_MODULE="slmgen.settings",
    )  # fmt: skip
    os.environ.pop("DATABASE_URL", None)

    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)

    from django.contrib.auth.models import AnonymousUser
    from django.core.files.uploadedfile import SimpleUploadedFile

    from datasets.services import examples_page, upload_dataset
    from datasets.storage.files import storage

    file = SimpleUploadedFile("chat.jsonl", rows(megabytes))
    dataset = upload_dataset(file=file, owner=AnonymousUser())
    sent: list[str] = []
    storage().client.meta.events.register(
        "before-send.s3", lambda request, **_: sent.append(range_of(request))
    )
    last = dataset.total_examples // 5
    for page in (1, last // 2, last):
        times = []
        for _ in range(PAGES):
            sent.clear()
            started = time.perf_counter()
            found = examples_page(dataset, page=page, page_size=5).examples
            assert len(list(found)) == 5
            times.append(time.perf_counter() - started)
        print(page, f"{1000 * statistics.median(times):.1f} ms", sent)


if __name__ == "__main__":
    main()
