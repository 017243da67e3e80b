import pytest
from django.contrib import admin

from jobs.models import Job
from tests.factories import make_dataset, make_lines

pytestmark = pytest.mark.django_db

MODELS = sorted(
    (model for model in admin.site._registry if model._meta.app_label != "auth"),
    key=lambda model: model._meta.label,
)


@pytest.fixture
def pages(client, admin_user):
    client.force_login(admin_user)
    return client


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label)
def test_every_list_opens_with_rows(pages, owner, model):
    dataset = make_dataset(make_lines(60) + b"oops\n", owner=owner)
    Job.objects.create(owner=owner, dataset=dataset)
    address = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"

    response = pages.get(address)

    assert response.status_code == 200


def test_a_dataset_is_shown_without_its_content(pages):
    dataset = make_dataset(b'{"secret-words": 1}\n' + make_lines(60))

    page = pages.get(f"/admin/datasets/dataset/{dataset.id}/change/").content

    assert b"secret-words" not in page
    assert str(dataset.id).encode() in page


def test_a_selected_job_is_cancelled_by_the_service(pages, owner):
    job = Job.objects.create(owner=owner, dataset=make_dataset(owner=owner))
    ended = Job.objects.create(
        owner=owner, dataset=job.dataset, status=Job.Status.COMPLETED
    )

    page = pages.post(
        "/admin/jobs/job/",
        {"action": "cancel", "_selected_action": [str(job.id), str(ended.id)]},
        follow=True,
    )

    job.refresh_from_db()
    assert job.status == Job.Status.CANCELLED
    assert "A completed job cannot become cancelled" in page.content.decode()


def test_nobody_but_staff_gets_in(client, owner):
    client.force_login(owner)

    assert client.get("/admin/jobs/job/").status_code == 302
