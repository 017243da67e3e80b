import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from jobs.models import Job, TrainingRun

BEFORE = ("jobs", "0004_ordered_json")
AFTER = ("jobs", "0007_one_job_a_notebook_and_owner")


def migrate(target):
    """The models with the jobs as they were then, and all else as it is now."""
    executor = MigrationExecutor(connection)
    latest = executor.loader.graph.leaf_nodes()
    targets = [*(leaf for leaf in latest if leaf[0] != "jobs"), target]
    executor.migrate(targets)
    return executor.loader.project_state(targets).apps


@pytest.fixture
def old():
    """The tables before the migrations; the newest ones again afterwards."""
    (newest,) = MigrationExecutor(connection).loader.graph.leaf_nodes("jobs")
    yield migrate(BEFORE)
    migrate(newest)


def made(apps, name, **values):
    return apps.get_model(*name.split(".")).objects.create(**values)


@pytest.fixture
def rows(old):
    user = made(old, "auth.User", username="u")
    dataset = made(
        old, "datasets.Dataset", owner=user, filename="a", size=1, sha256="",
        total_examples=1, examples_bytes=1, examples_sha256="",
    )  # fmt: skip
    notebook = made(
        old, "notebooks.Notebook", dataset=dataset, model_id="m", training_config={},
        filename="n", size=1, sha256="",
    )  # fmt: skip

    def job(**values):
        return made(old, "jobs.Job", owner=user, dataset=dataset, **values)

    return old, job, notebook


@pytest.mark.django_db(transaction=True)
def test_completed_jobs_whose_notebook_began_again_run(rows):
    old, job, _ = rows
    now = timezone.now()
    resumed, ended, by_hand = (job(status="completed") for _ in range(3))
    for one, end in ((resumed, None), (ended, now), (by_hand, None)):
        made(old, "jobs.TrainingRun", job=one, started_at=now, seen_at=now,
             ended_at=end)  # fmt: skip
    made(old, "jobs.JobEvent", job=by_hand, kind="moved", source="owner",
         status="completed")  # fmt: skip

    migrate(AFTER)

    found = dict(Job.objects.values_list("pk", "status"))
    assert found == {
        resumed.pk: "running", ended.pk: "completed", by_hand.pk: "completed",
    }  # fmt: skip
    assert TrainingRun.objects.count() == 3


@pytest.mark.django_db(transaction=True)
def test_of_the_jobs_of_one_notebook_the_trained_one_keeps_it(rows):
    old, job, notebook = rows
    first, trained, other = (job(notebook=notebook) for _ in range(3))
    made(old, "jobs.TrainingRun", job=trained, started_at=timezone.now())

    migrate(AFTER)

    found = dict(Job.objects.values_list("pk", "notebook"))
    assert found == {first.pk: None, trained.pk: notebook.pk, other.pk: None}


@pytest.mark.django_db(transaction=True)
def test_the_migrations_lead_back(rows):
    migrate(AFTER)

    apps = migrate(BEFORE)

    assert apps.get_model("jobs", "Job").objects.count() == 0
