"""Large datasets: what is asked for is work, and asked again it is there."""

import json

import pytest
from django.core.management import call_command

from datasets.models import Dataset, Kind, WorkItem
from datasets.work import engine
from datasets.work.engine import Claim
from jobs.models import Job
from notebooks.models import Notebook
from slmgen.identity.services import token_for
from tests.factories import make_dataset

pytestmark = pytest.mark.django_db
JSON = "application/json"


@pytest.fixture
def large(settings):
    """A dataset that counts as large, analyzed."""
    dataset = make_dataset()
    settings.SLMGEN_INLINE_ANALYSIS_BYTES = 0
    return dataset


def work(client, dataset):
    return client.get(f"/datasets/{dataset.id}/work").json()


def drain():
    call_command("work", drain=True)


def test_an_export_is_made_once_by_the_worker(client, large):
    address = f"/datasets/{large.id}/export?format=sharegpt"

    waiting = client.get(address)
    drain()
    answers = [b"".join(client.get(address).streaming_content) for _ in range(2)]

    assert waiting.status_code == 202
    assert waiting.json()["detail"].startswith("The export is 0% done; try again in")
    assert waiting["Retry-After"] == "5"
    assert answers[0].count(b"conversations") == 60
    assert answers[0] == answers[1]
    assert [item["kind"] for item in work(client, large)] == ["analysis", "export"]


def test_an_export_that_is_a_copy_needs_no_work(client, large):
    response = client.get(f"/datasets/{large.id}/export")

    assert b"".join(response.streaming_content).count(b"\n") == 60


def test_an_export_that_has_no_place_for_the_data_is_400_from_the_worker_too(
    client, settings
):
    row = {"messages": [{"role": "user", "content": "a"}] * 2}
    row["messages"].append({"role": "assistant", "content": "b"})
    dataset = make_dataset(json.dumps(row).encode())
    settings.SLMGEN_INLINE_ANALYSIS_BYTES = 0
    address = f"/datasets/{dataset.id}/export?format=alpaca"

    client.get(address)
    drain()

    response = client.get(address)
    assert response.status_code == 400
    assert "Example 0 is not questions and answers" in response.json()["detail"]


def test_a_repair_is_made_once_by_the_worker(client, large):
    body = {"repairs": [{"kind": "drop_exact_duplicates"}]}
    address = f"/datasets/{large.id}/repairs"

    waiting = client.post(address, body, JSON)
    drain()
    answers = [client.post(address, body, JSON).json() for _ in range(2)]

    assert waiting.status_code == 202
    assert answers[0] == answers[1]
    assert Dataset.objects.count() == 2
    assert answers[0]["parent_id"] == str(large.id)


def test_a_repair_tells_how_far_it_is(client, large, monkeypatch):
    shares = []
    monkeypatch.setattr(Claim, "report", lambda claim, done: shares.append(done))
    body = {"repairs": [{"kind": "drop_exact_duplicates"}]}

    client.post(f"/datasets/{large.id}/repairs", body, JSON)
    drain()

    size = large.examples_bytes
    assert shares[:2] == [size // 2, size]  # mended, then read again


def test_a_repair_that_does_not_exist_is_refused_at_once(client, large):
    body = {"repairs": [{"kind": "paint"}]}

    response = client.post(f"/datasets/{large.id}/repairs", body, JSON)

    assert response.status_code == 400
    assert WorkItem.objects.filter(kind=Kind.REPAIR).count() == 0


def test_a_repaired_version_that_was_deleted_is_made_again(client, large):
    body = {"repairs": [{"kind": "drop_exact_duplicates"}]}
    address = f"/datasets/{large.id}/repairs"
    client.post(address, body, JSON)
    drain()
    Dataset.objects.exclude(pk=large.pk).delete()

    assert client.post(address, body, JSON).status_code == 202
    drain()

    assert client.post(address, body, JSON).status_code == 200


def test_a_refusal_ends_with_its_reason(client, settings, owner):
    """It was answered until somebody started the failed work by hand."""
    settings.SLMGEN_QUOTA_JOBS = 1
    dataset = make_dataset(owner=owner)
    settings.SLMGEN_INLINE_ANALYSIS_BYTES = 0
    token = token_for(username="owner", password="owner-password")
    bearer = {"HTTP_AUTHORIZATION": f"Bearer {token}"}
    body = {"session_id": str(dataset.id), "model_id": "qwen3-0.6b"}
    job = Job.objects.create(owner=owner, dataset=dataset)

    def generate():
        drain()
        return client.post("/generate", body, JSON, **bearer)

    assert [generate().status_code for _ in range(2)] == [202, 409]
    job.delete()
    assert [generate().status_code for _ in range(2)] == [202, 200]
    assert Job.objects.count() == 1


def test_a_crash_is_shown_once_before_asking_again_starts_it(
    client, large, monkeypatch
):
    def crash(claim):
        raise KeyError

    monkeypatch.setitem(engine.HANDLERS, Kind.REPAIR, crash)
    address = f"/datasets/{large.id}/repairs"
    body = {"repairs": [{"kind": "drop_exact_duplicates"}]}
    client.post(address, body, JSON)
    for _ in range(engine.MAX_ATTEMPTS):
        drain()
        WorkItem.objects.filter(kind=Kind.REPAIR).update(lease_until=None)

    answers = [client.post(address, body, JSON) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [409, 202]
    assert "was tried three times" in answers[0].json()["detail"]


def test_a_failure_that_its_page_showed_counts_as_shown(client, large):
    item = WorkItem.objects.create(dataset=large, kind=Kind.REPAIR, state="failed")

    client.get(f"/app/datasets/{large.id}/work/")

    item.refresh_from_db()
    assert item.failure_shown


def test_a_notebook_and_its_job_are_made_once_by_the_worker(client, settings, owner):
    dataset = make_dataset(owner=owner)
    settings.SLMGEN_INLINE_ANALYSIS_BYTES = 0
    token = token_for(username="owner", password="owner-password")
    bearer = {"HTTP_AUTHORIZATION": f"Bearer {token}"}
    body = {"session_id": str(dataset.id), "model_id": "qwen3-0.6b"}

    waiting = client.post("/generate", body, JSON, **bearer)
    drain()
    answers = [client.post("/generate", body, JSON, **bearer).json() for _ in range(2)]

    assert waiting.status_code == 202
    assert answers[0] == answers[1]
    assert Notebook.objects.count() == 1
    assert Job.objects.get().notebook == Notebook.objects.get()


def test_a_senseless_setting_is_refused_at_once(client, large):
    body = {"session_id": str(large.id), "training_config": {"lora_rank": 0}}

    assert client.post("/generate", body, JSON).status_code == 400
    assert Notebook.objects.count() == 0


def test_work_is_listed_canceled_and_started_again(client, large):
    client.get(f"/datasets/{large.id}/insights")
    _, item = work(client, large)
    address = f"/datasets/{large.id}/work/{item['id']}"

    canceled = client.delete(address)
    refused = client.get(f"/datasets/{large.id}/insights")
    restarted = client.post(address)
    drain()

    assert (item["kind"], item["state"], item["attempts"]) == ("insights", "queued", 0)
    assert canceled.json()["state"] == "cancelled"
    assert refused.status_code == 409
    assert "was canceled; start it again" in refused.json()["detail"]
    assert restarted.json()["state"] == "queued"
    assert client.get(f"/datasets/{large.id}/insights").status_code == 200
    for method in (client.delete, client.post):
        assert method(address).status_code == 409


def test_work_of_another_dataset_is_not_found(client, large, settings):
    other = WorkItem.objects.get(dataset=make_dataset())

    for key in (other.pk, "malformed"):
        assert client.delete(f"/datasets/{large.id}/work/{key}").status_code == 404


def test_a_form_that_starts_work_leads_to_the_page_that_shows_it(client, large):
    made = client.post(f"/app/datasets/{large.id}/training/", {"preset": "fast"})
    page = client.get(made["Location"])
    drain()
    done = client.get(made["Location"])

    assert made["Location"] == f"/app/datasets/{large.id}/work/"
    assert page["Refresh"] == "2"
    assert "The notebook" in page.content.decode()
    assert "Refresh" not in done
    address = f"/app/notebooks/{Notebook.objects.get().pk}/"
    assert address in done.content.decode()


def test_work_is_canceled_and_started_again_by_page(client, large):
    client.get(f"/app/datasets/{large.id}/closer/")
    item = WorkItem.objects.get(kind=Kind.INSIGHTS)
    address = f"/app/datasets/{large.id}/work/"

    for button, state in (("cancel", "cancelled"), ("restart", "queued")):
        response = client.post(address, {"item": str(item.pk), button: ""})

        assert response.status_code == 302
        item.refresh_from_db()
        assert item.state == state
