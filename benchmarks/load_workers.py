"""How much faster two workers empty a queue of 80 files than one.

python benchmarks/load_workers.py    fills the queue of SLMGEN_VAR, as load.py wants
"""

import os
import subprocess
import sys
import tempfile
import time

from serving import MB, REPO, Rows, conversations

FILES = 80
ENOUGH = 1.7  # times faster with two


def workers() -> Rows:
    """A queue of 80 files, done by one worker and by two. Each has a core of its own,
    as workers on hosts of their own do: one alone would count on all cores."""
    times = []
    for count in (1, 2):
        with tempfile.TemporaryDirectory() as folder:
            variables = {
                **os.environ, "SLMGEN_VAR": folder, "SLMGEN_PROCESSES": "1",
                "SLMGEN_INLINE_ANALYSIS_MB": "0",
            }  # fmt: skip
            manage = [sys.executable, "manage.py"]
            run = {"cwd": REPO, "env": variables, "check": True}
            subprocess.run([*manage, "migrate", "-v", "0"], **run)  # type: ignore[call-overload]
            starting = drained(count, variables)
            subprocess.run([sys.executable, __file__], **run)  # type: ignore[call-overload]
            times.append(drained(count, variables) - starting)
    one, two = times
    return [
        ("a queue of 80 files of 12 MB, one worker on a core", f"{one:.1f} s", True),
        (
            "… two workers on two cores",
            f"{two:.1f} s, {one / two:.2f} times faster",
            one / two >= ENOUGH,
        ),
    ]


def drained(count: int, variables: dict[str, str]) -> float:
    """Seconds that so many workers take to empty the queue, their start included."""
    begun = time.monotonic()
    work = [sys.executable, "manage.py", "work", "--drain"]
    started = [
        subprocess.Popen(
            ["taskset", "--cpu-list", str(core), *work], cwd=REPO, env=variables
        )
        for core in range(count)
    ]
    for process in started:
        process.wait()
    return time.monotonic() - begun


def fill() -> None:
    """Uploads, inside this process, files that wait for a worker."""
    sys.path.insert(0, str(REPO))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "slmgen.settings")
    import django

    django.setup()
    from django.contrib.auth.models import AnonymousUser
    from django.core.files.uploadedfile import SimpleUploadedFile

    from datasets.services import upload_dataset

    for seed in range(FILES):
        file = SimpleUploadedFile("chat.jsonl", conversations(12 * MB, seed))
        upload_dataset(file=file, owner=AnonymousUser())


if __name__ == "__main__":
    fill()
