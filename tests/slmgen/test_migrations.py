"""Upgrades can be undone: migrations are one line for each app, and lead back."""

from collections import Counter

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connection
from django.db.migrations.loader import MigrationLoader

from tests.conftest import REPO
from tests.factories import make_dataset

OURS = sorted(
    app.label for app in apps.get_app_configs() if str(app.path).startswith(str(REPO))
    and ".venv" not in str(app.path)
)  # fmt: skip


@pytest.fixture(scope="module")
def graph():
    return MigrationLoader(None).graph


@pytest.mark.parametrize("label", OURS)
def test_migrations_are_linear(graph, label):
    before = Counter(
        parent.key
        for key, node in graph.node_map.items()
        if key[0] == label
        for parent in node.parents
        if parent.key[0] == label
    )

    assert len(graph.leaf_nodes(label)) <= 1
    assert set(before.values()) <= {1}


def test_every_migration_leads_back(graph):
    loader = MigrationLoader(None)
    one_way = [
        str(migration)
        for key, migration in loader.disk_migrations.items()
        if key[0] in OURS
        for operation in migration.operations
        if not operation.reversible
    ]

    assert one_way == []


@pytest.mark.django_db(transaction=True)
def test_all_can_be_undone_and_done_again():
    for label in ("jobs", "notebooks", "recommender", "datasets", "identity", "audit"):
        call_command("migrate", label, "zero", verbosity=0)
    tables = set(connection.introspection.table_names())
    assert not {"datasets_dataset", "jobs_job", "identity_identity"} & tables

    call_command("migrate", verbosity=0)

    assert make_dataset().pk
