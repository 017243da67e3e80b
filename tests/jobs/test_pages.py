import pytest

from jobs.models import Job
from tests.factories import make_dataset

pytestmark = pytest.mark.django_db


@pytest.fixture
def job(client, owner):
    dataset = make_dataset(owner=owner)
    client.force_login(owner)
    client.post(f"/app/datasets/{dataset.id}/training/", {"model": "qwen3-0.6b"})
    return Job.objects.get()


def test_nobody_is_sent_to_sign_in(client):
    assert "login" in client.get("/app/jobs/")["Location"]


def test_an_empty_history_says_what_to_do(client, owner):
    client.force_login(owner)

    assert "try a sample" in client.get("/app/jobs/").content.decode()


def test_a_notebook_made_while_signed_in_is_a_job_with_a_page(client, job):
    assert f"/app/jobs/{job.id}/" in client.get("/app/jobs/").content.decode()
    shown = client.get(f"/app/jobs/{job.id}/").content.decode()
    assert "Qwen3 0.6B" in shown
    assert f"/app/notebooks/{job.notebook_id}/" in shown


def test_a_job_moves_by_its_buttons(client, job):
    client.post(f"/app/jobs/{job.id}/", {"status": "running"})

    job.refresh_from_db()
    assert job.status == "running"
    assert "It is completed" in client.get(f"/app/jobs/{job.id}/").content.decode()


def test_an_illegal_move_changes_nothing(client, job):
    answer = client.post(f"/app/jobs/{job.id}/", {"status": "completed"})

    job.refresh_from_db()
    assert (answer.status_code, job.status) == (400, "created")


def test_a_foreign_job_is_not_there(client, job, stranger):
    client.force_login(stranger)

    assert client.get(f"/app/jobs/{job.id}/").status_code == 404
