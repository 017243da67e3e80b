import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

BEFORE = ("datasets", "0008_ordered_json")


def migrate(targets):
    executor = MigrationExecutor(connection)
    executor.migrate(targets)
    return executor.loader.project_state(targets).apps


@pytest.mark.django_db(transaction=True)
def test_analyses_and_closer_looks_become_work_items_and_back():
    latest = MigrationExecutor(connection).loader.graph.leaf_nodes()
    apps = migrate([*(t for t in latest if t[0] != "datasets"), BEFORE])
    dataset = apps.get_model("datasets", "Dataset").objects.create(
        filename="a", size=1, sha256="", total_examples=1, examples_bytes=1,
        examples_sha256="",
    )  # fmt: skip
    apps.get_model("datasets", "Analysis").objects.create(
        dataset=dataset, state="done", fence=1, progress=100, profile={"b": 1, "a": 2}
    )
    apps.get_model("datasets", "Insight").objects.create(dataset=dataset)

    new = migrate(latest).get_model("datasets", "WorkItem").objects
    rows = list(new.values_list("kind", "state", "file", "result").order_by("kind"))

    assert rows == [
        ("analysis", "done", f"datasets/{dataset.pk}/index", {"b": 1, "a": 2}),
        ("insights", "queued", "", None),
    ]
    apps = migrate([*(t for t in latest if t[0] != "datasets"), BEFORE])
    assert apps.get_model("datasets", "Analysis").objects.get().state == "queued"
    migrate(latest)
