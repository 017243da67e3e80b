import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from jobs.models import Job, TrainingRun
from notebooks.models import Notebook
from tests.factories import make_dataset

pytestmark = pytest.mark.django_db


@pytest.fixture
def jobs(owner, signed_in):
    """Some jobs of the owner, by name."""
    chat, tools = (
        make_dataset(owner=owner, name=name) for name in ("chat.jsonl", "tools.jsonl")
    )

    def job(dataset, model, status):
        return Job.objects.create(
            owner=owner, dataset=dataset, model_id=model, status=status
        )

    return {
        "new": job(chat, "qwen3-0.6b", "created"),
        "over": job(chat, "gemma-3-270m", "completed"),
        "silent": job(tools, "qwen3-0.6b", "running"),
    }


def listed(client, query=""):
    answer = client.get(f"/app/jobs/{query}")
    return {row.job.id for row in answer.context["shown"].rows}


def silence(job):
    past = timezone.now() - timedelta(seconds=91)
    TrainingRun.objects.create(job=job, started_at=past, seen_at=past, steps=60)


def test_nobody_is_sent_to_sign_in(client):
    assert "login" in client.get("/app/jobs/")["Location"]


def test_an_empty_history_says_what_to_do(signed_in):
    assert "try a sample" in signed_in.get("/app/jobs/").content.decode()


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", {"new", "over", "silent"}),
        ("?state=pending", {"new"}),
        ("?state=completed", {"over"}),
        ("?state=stalled", {"silent"}),
        ("?state=running", set()),
        ("?state=nonsense", {"new", "over", "silent"}),
        ("?model=qwen3-0.6b", {"new", "silent"}),
        ("?q=TOOLS", {"silent"}),
        ("?q=gemma", {"over"}),
        ("?q=chat&state=completed", {"over"}),
        ("?q=nothing-of-that", set()),
        ("?page=2", set()),
        ("?page=x", {"new", "over", "silent"}),
    ],
)
def test_jobs_are_found(signed_in, jobs, query, names):
    silence(jobs["silent"])

    assert listed(signed_in, query) == {jobs[name].id for name in names}


def test_jobs_of_one_dataset_are_found(signed_in, jobs):
    dataset = jobs["silent"].dataset_id

    assert listed(signed_in, f"?dataset={dataset}") == {jobs["silent"].id}


def test_no_job_that_fits_is_said_so(signed_in, jobs):
    shown = signed_in.get("/app/jobs/?q=nothing-of-that").content.decode()

    assert "No job fits" in shown


def test_jobs_of_others_are_not_listed(client, jobs, stranger):
    client.force_login(stranger)

    assert listed(client) == set()
    assert listed(client, f"?dataset={jobs['new'].dataset_id}") == set()


def test_pages_keep_the_filter(signed_in, jobs, monkeypatch):
    monkeypatch.setattr("jobs.pages.history.JOBS_PER_PAGE", 1)

    shown = signed_in.get("/app/jobs/?model=qwen3-0.6b").content.decode()

    assert "?model=qwen3-0.6b&amp;page=2" in shown


def test_the_number_of_queries_does_not_grow(
    signed_in, owner, jobs, django_assert_max_num_queries
):
    for _ in range(12):
        Job.objects.create(owner=owner, dataset=jobs["new"].dataset)

    with django_assert_max_num_queries(5):
        signed_in.get("/app/jobs/")


def test_a_clone_leads_to_the_same_training(client, signed_in, dataset):
    address = f"/app/datasets/{dataset.id}/training/"
    sent = {"model": "qwen3-8b", "preset": "fast", "lora_rank": "32", "gpu": "l4"}
    signed_in.post(address, sent)
    job = Job.objects.get()

    leads = signed_in.get(f"/app/jobs/{job.id}/clone/")["Location"]

    query = "?model=qwen3-8b&preset=fast&lora_rank=32&lora_alpha=64&gpu=l4"
    assert leads == address + query
    signed_in.post(address, signed_in.get(leads).wsgi_request.GET.dict())
    again = Job.objects.exclude(pk=job.pk).get()
    assert again.training_config == job.training_config
    assert again.model_id == job.model_id
    assert again.notebook.figures == job.notebook.figures


def test_a_clone_of_a_job_without_notebook_names_the_gpu_of_its_settings(
    signed_in, made
):
    Notebook.objects.all().delete()
    signed_in.get(f"/app/datasets/{made.dataset_id}/training/?gpu=l4")  # remembered

    leads = signed_in.get(f"/app/jobs/{made.id}/clone/")["Location"]

    assert leads.endswith("?model=qwen3-0.6b&preset=balanced&gpu=t4")


def test_a_clone_of_a_comparison_leads_to_the_models(signed_in, dataset):
    signed_in.post(
        f"/app/datasets/{dataset.id}/compare/",
        {"model": ["qwen3-0.6b", "gemma-3-270m"]},
    )

    leads = signed_in.get(f"/app/jobs/{Job.objects.get().id}/clone/")["Location"]

    assert leads == f"/app/datasets/{dataset.id}/model/"


def compared(client, *jobs):
    query = "&".join(f"job={getattr(job, 'id', job)}" for job in jobs)
    return client.get(f"/app/jobs/compare/?{query}")


def test_jobs_are_compared(signed_in, jobs, tell):
    for name, loss in (("new", 4.0), ("over", 2.0)):
        report = tell(jobs[name])
        report("log", 0, 0, eval_loss=9.0)
        report("begin")
        report(step=6, loss=loss)
        report(step=6, eval_loss=loss + 1)

    shown = compared(signed_in, jobs["new"], jobs["over"]).context["shown"]

    results = {row.name: row.values for row in shown.results}
    assert results["Last loss, smoothed"] == ["4", "2"]
    assert results["Evaluation before"] == ["9", "9"]
    assert results["Best evaluation"] == ["5 at step 6", "3 at step 6"]
    assert [row.name for row in shown.differing] == ["model"]
    assert len(shown.lines) == 4


@pytest.mark.parametrize("count", [0, 1, 5])
def test_two_to_four_jobs_are_compared(signed_in, owner, jobs, count):
    chosen = [
        Job.objects.create(owner=owner, dataset=jobs["new"].dataset)
        for _ in range(count)
    ]

    answer = compared(signed_in, *chosen)

    assert answer.status_code == 400
    assert "two to four" in answer.content.decode()


def test_a_foreign_job_is_not_compared(signed_in, jobs, stranger):
    foreign = Job.objects.create(owner=stranger, dataset=make_dataset(owner=stranger))

    answers = [
        compared(signed_in, jobs["new"], other)
        for other in (foreign, uuid.uuid4(), "malformed")
    ]

    assert {answer.status_code for answer in answers} == {404}
