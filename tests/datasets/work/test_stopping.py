"""A worker that is told to stop at any moment leaves rows and files that agree."""

import os
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest
from celery.signals import worker_shutting_down
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper

from datasets import services, uploads
from datasets.core.fixes.operations import Repair
from datasets.models import Dataset, State, WorkItem
from datasets.storage.files import differences
from datasets.work import celery_messages, engine
from notebooks.models import Notebook
from notebooks.services import generate_notebook
from recommender.services import catalog
from slmgen.errors import Conflict, NotReady
from slmgen.storage.local import AtomicFileStorage
from tests.factories import make_dataset, make_lines

pytestmark = pytest.mark.django_db(transaction=True)
REPO = Path(__file__).resolve().parents[3]
REPAIR = (Repair("drop_exact_duplicates"),)


@pytest.fixture(autouse=True)
def _embedded_worker(settings):
    settings.SLMGEN_INLINE_ANALYSIS_BYTES = 0
    handlers = {number: signal.getsignal(number) for number in (15, 2)}
    yield
    engine.clear_stop()
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.fixture
def moments(monkeypatch):
    """Sends SIGTERM at the nth of all statements, commits and stored files."""
    left = [0]

    def passed():
        left[0] -= 1
        if left[0] == 0:
            signal.raise_signal(signal.SIGTERM)

    def around(kind, name):
        real = getattr(kind, name)

        def then(self, *args, **kwargs):
            answer = real(self, *args, **kwargs)
            passed()
            return answer

        monkeypatch.setattr(kind, name, then)

    around(BaseDatabaseWrapper, "commit")
    around(AtomicFileStorage, "_save")

    def statement(execute, *args):
        passed()
        return execute(*args)

    def arm(n):
        left[0] = n

    with connection.execute_wrapper(statement):
        yield arm


def drain():
    call_command("work", drain=True)


def is_agreed():
    found = differences(timedelta(0))
    return not found.orphans and not found.missing


def ask_for_analysis():
    make_dataset()


def ask_for_repair():
    dataset = analyzed()
    with pytest.raises(NotReady):
        services.repair(dataset, REPAIR, dry_run=False)


def ask_for_notebook():
    dataset = analyzed()
    with pytest.raises(NotReady):
        generate_notebook(
            dataset, models=[catalog().get("qwen3-0.6b")], training_config=None
        )


def analyzed():
    dataset = make_dataset()
    drain()
    return Dataset.objects.get(pk=dataset.pk)


ASKED = {
    "analysis": (ask_for_analysis, 1, 0),
    "repair": (ask_for_repair, 2, 0),
    "notebook": (ask_for_notebook, 1, 1),
}


@pytest.mark.parametrize("name", ASKED)
def test_told_to_stop_at_each_moment_it_gives_back_or_finishes(name, moments, settings):
    ask, datasets, notebooks = ASKED[name]
    given_back = 0
    for moment in range(1, 24):
        ask()
        moments(moment)
        drain()
        moments(0)

        item = WorkItem.objects.order_by("created_at").filter(kind=name)[0]
        assert item.state in {State.QUEUED, State.DONE}
        if item.state == State.QUEUED:
            assert (item.attempts, item.lease_until) == (0, None)
            given_back += 1
        assert is_agreed()
        engine.clear_stop()
        drain()

        assert not WorkItem.objects.exclude(state=State.DONE).exists()
        assert Dataset.objects.count() == datasets
        assert Notebook.objects.count() == notebooks
        assert is_agreed()
        for model in (Notebook, Dataset):
            model.objects.all().delete()
        for found in list(default_storage.listing()):
            default_storage.delete(found.key)
    assert bool(given_back) == (name != "notebook")  # which is made in one step


def test_a_process_of_celery_gives_its_work_back_too(moments):
    def of_celery(*_):
        raise AssertionError("the signal broke something off")

    make_dataset()
    item = WorkItem.objects.get()
    signal.signal(signal.SIGTERM, of_celery)
    moments(2)
    celery_messages.work(str(item.pk))

    item.refresh_from_db()
    assert (item.state, item.attempts, item.sent_at) == (State.QUEUED, 0, None)
    assert is_agreed()
    assert signal.getsignal(signal.SIGTERM) is of_celery


def test_celery_that_shuts_down_asks_its_processes_to_stop():
    worker_shutting_down.send(sender=None)

    assert engine.is_stopping()


def test_a_stop_at_the_commit_leaves_the_row_with_its_files(monkeypatch):
    """SystemExit where SIGTERM used to raise it: the row was kept, its files went."""
    real, armed = BaseDatabaseWrapper.commit, []

    def commit(self):
        real(self)
        if armed:
            armed.clear()
            raise SystemExit(0)

    save = uploads._save
    monkeypatch.setattr(BaseDatabaseWrapper, "commit", commit)
    monkeypatch.setattr(uploads, "_save", lambda *a: (save(*a), armed.append(1)))

    with pytest.raises(SystemExit):
        make_dataset()

    assert default_storage.exists(Dataset.objects.get().original_key)
    assert is_agreed()


def test_a_hook_that_fails_after_the_commit_fails_nobody(settings, monkeypatch):
    from slmgen import celery_app

    def fail(item_id):
        raise RuntimeError("nothing that kombu wraps")

    settings.SLMGEN_TASKS = "celery"
    monkeypatch.setattr(celery_app, "send_work", fail)

    dataset = make_dataset()

    assert default_storage.exists(dataset.original_key)
    assert is_agreed()


def test_a_refused_row_leaves_no_file(settings):
    settings.SLMGEN_QUOTA_ANONYMOUS_MB = 1
    Dataset.objects.create(
        filename="x", size=10**6, total_examples=1, examples_bytes=0, emptied_at=None
    )
    with pytest.raises(Conflict):
        make_dataset()

    assert list(default_storage.listing()) == []


@pytest.mark.parametrize("seconds", [0.0, 0.3, 1.0])
def test_a_process_that_gets_sigterm_ends_well(tmp_path, seconds):
    """A moment of the clock, whatever it meets: before, in or after the work."""
    place = {"SLMGEN_VAR": str(tmp_path), "SLMGEN_INLINE_ANALYSIS_MB": "0"}
    alone = {"DATABASE_URL": "", "SLMGEN_STORAGE": "files", "SLMGEN_TASKS": "embedded"}
    environment = {**os.environ, **place, **alone}

    def shell(code):
        """What it says of the work at its end."""
        command = [sys.executable, "manage.py", "shell", "--no-imports", "-c", code]
        said = subprocess.run(
            command, cwd=REPO, env=environment, check=True, text=True,
            capture_output=True,
        )  # fmt: skip
        return said.stdout.split()[-2:]

    (tmp_path / "data.jsonl").write_bytes(make_lines(20_000))
    shell(UPLOAD)
    worker = subprocess.Popen(
        [sys.executable, "-c", WORKER], cwd=REPO, env=environment,
        stdout=subprocess.PIPE,
    )  # fmt: skip
    with worker:
        worker.stdout.read(1)  # it listens
        time.sleep(seconds)
        worker.terminate()

    assert worker.returncode == 0
    assert shell(LOOK) in (["queued", "0"], ["done", "1"])
    assert shell(DRAIN + LOOK) == ["done", "1"]


UPLOAD = """
import os
from pathlib import Path
from django.contrib.auth.models import AnonymousUser
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from datasets.services import upload_dataset
call_command("migrate", verbosity=0)
text = Path(os.environ["SLMGEN_VAR"], "data.jsonl").read_bytes()
upload_dataset(file=SimpleUploadedFile("data.jsonl", text), owner=AnonymousUser())
"""
DRAIN = """
from django.core.management import call_command
call_command("work", drain=True)
"""
LOOK = """
from django.core.management import call_command
from datasets.core.fixes.operations import Repair
from datasets.models import WorkItem
call_command("check_storage")
item = WorkItem.objects.get()
print(item.state, item.attempts)
"""
WORKER = """
import os
os.environ["DJANGO_SETTINGS_MODULE"] = "slmgen.settings"
import django
django.setup()
from datasets.management.commands import work
work.listen()
print("x", end="", flush=True)
work.run_embedded()
"""
