"""What was stored by other rules or by another release is computed again."""

import pytest
from django.core.cache import cache
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management import call_command

from datasets.core.analysis.profile import RULES_VERSION
from datasets.models import Dataset, Kind, State, WorkItem
from datasets.services import profile_of
from recommender.core.catalog.catalog import Target, Task
from recommender.core.needs.needs import Wishes
from recommender.services import recommend, replay, suggest_need
from tests.factories import jsonl, make_conversation, make_dataset

pytestmark = pytest.mark.django_db


def store(dataset, kind=Kind.ANALYSIS, **changes):
    """Puts a result in the place of the stored one; None removes a field."""
    item = WorkItem.objects.get(dataset=dataset, kind=kind)
    result = {**item.result, **changes}
    kept = {name: value for name, value in result.items() if value is not None}
    WorkItem.objects.filter(pk=item.pk).update(result=kept)
    return item


def score(client, dataset):
    return client.get(f"/analyze/{dataset.pk}").json()["quality_score"]


def test_a_profile_by_other_rules_is_computed_again(client):
    dataset = make_dataset()
    before = score(client, dataset)
    store(dataset, rules_version=1, quality_score=0.11)

    assert score(client, dataset) == before
    item = WorkItem.objects.get(dataset=dataset)
    assert item.result["rules_version"] == RULES_VERSION


def test_a_large_one_is_computed_by_the_worker_while_the_page_waits(client, settings):
    dataset = make_dataset()
    settings.SLMGEN_INLINE_ANALYSIS_BYTES = 0
    store(dataset, rules_version=1)

    page = client.get(f"/app/datasets/{dataset.pk}/")
    answer = client.get(f"/analyze/{dataset.pk}")

    assert (page.status_code, page["Refresh"]) == (202, "2")
    assert answer.status_code == 202
    call_command("work", drain=True)
    assert client.get(f"/app/datasets/{dataset.pk}/").status_code == 200


def test_a_field_that_a_later_release_drops_is_ignored(client):
    dataset = make_dataset()
    before = store(dataset, field_that_is_gone_tomorrow=1)

    assert client.get(f"/analyze/{dataset.pk}").status_code == 200
    assert client.get(f"/app/datasets/{dataset.pk}/").status_code == 200
    assert WorkItem.objects.get(dataset=dataset).file == before.file  # not again


@pytest.mark.parametrize("field", ["total_tokens", "roles"])
def test_a_field_that_is_missing_is_computed(client, field):
    dataset = make_dataset()
    store(dataset, **{field: None})

    assert client.get(f"/analyze/{dataset.pk}").status_code == 200
    assert field in WorkItem.objects.get(dataset=dataset).result


def test_content_that_was_damaged_meanwhile_is_said(client):
    dataset = make_dataset()
    store(dataset, rules_version=1)
    default_storage.delete(dataset.examples_key)

    answer = client.get(f"/analyze/{dataset.pk}")

    assert answer.status_code == 409
    assert "damaged or removed" in answer.json()["detail"]


def test_insights_by_other_rules_are_computed_again(client):
    dataset = make_dataset()
    address = f"/datasets/{dataset.pk}/insights"
    before = client.get(address).json()
    store(dataset, Kind.INSIGHTS, version=1, languages={"tlh": 60})

    assert client.get(f"/app/datasets/{dataset.pk}/").status_code == 200
    assert client.get(address).json() == before


def test_work_on_an_index_of_other_rules_waits_for_the_new_one(settings):
    dataset = make_dataset()
    settings.SLMGEN_INLINE_ANALYSIS_BYTES = 0
    WorkItem.objects.create(dataset=dataset, kind=Kind.INSIGHTS)
    store(dataset, rules_version=1)

    call_command("work", drain=True)

    assert set(WorkItem.objects.values_list("kind", "state")) == {
        (Kind.ANALYSIS, State.DONE),
        (Kind.INSIGHTS, State.DONE),
    }
    assert profile_of(Dataset.objects.get()).rules_version == RULES_VERSION


def test_groups_of_problems_of_earlier_uploads_are_shown(client):
    """They had neither a first problem nor an index by kind."""
    rows = [make_conversation(f"x{n}", "TODO") for n in range(60)]
    lost = {"messages": [{"role": "user", "content": "x"}]}
    dataset = make_dataset(jsonl([*rows, lost]))
    as_new = client.get(f"/datasets/{dataset.pk}/problems?page_size=100").json()
    groups = [
        {k: v for k, v in group.items() if k not in {"listed", "first"}} | {"old": 1}
        for group in dataset.problem_groups
    ]
    with default_storage.open(dataset.problem_index_key) as file:
        index = file.read()
    default_storage.delete(dataset.problem_index_key)
    default_storage.save(
        dataset.problem_index_key, ContentFile(index[: len(index) // 2])
    )
    Dataset.objects.filter(pk=dataset.pk).update(problem_groups=groups)

    as_old = client.get(f"/datasets/{dataset.pk}/problems?page_size=100").json()
    assert as_old == as_new
    assert client.get(f"/app/datasets/{dataset.pk}/").status_code == 200


def test_columns_with_a_part_of_another_release_are_read(client):
    dataset = make_dataset()
    Dataset.objects.update(columns={**dataset.columns, "reasoning": "think"})

    assert client.get(f"/datasets/{dataset.pk}/mapping").status_code == 200


def test_a_suggestion_of_another_release_in_the_cache_is_not_used():
    dataset = make_dataset()
    found = suggest_need(dataset)
    (key,) = [key for key in cache._cache if "suggested" in key]
    cache._cache.clear()
    cache.set(key.split(":", 2)[2], {"task": "of another shape"})

    assert suggest_need(dataset) == found
    assert suggest_need(dataset) == found  # and from the cache


def test_a_trace_with_fields_of_another_release_is_repeated():
    recommendation = recommend(
        make_dataset(), task=Task.QA, target=Target.CLOUD, wishes=Wishes()
    ).recommendation
    recommendation.trace["facts"]["gone"] = 1

    assert replay(recommendation)["candidates"]
