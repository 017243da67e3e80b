"""Text of others stays text, on every page that shows something of somebody's."""

import pytest

from jobs.models import Job
from notebooks.services import generate_notebook
from recommender.services import catalog
from tests.factories import jsonl, make_conversation, make_dataset
from tests.test_every_route import PAGES, address_of

pytestmark = pytest.mark.django_db

SCRIPT = "<script>alert(1)</script>"
TRICKS = [
    SCRIPT, "\"><img src=x onerror=alert(1)>", "{{7*191}}{% debug %}",
    "javascript:alert(1)", "\u202egnp.exe", "</textarea><svg/onload=alert(1)>",
    "&lt;b&gt;",
]  # fmt: skip


SHOWN = [
    name
    for name, method, _, expected in PAGES
    if method == "GET" and expected["owner"] == 200 and expected["stranger"] == 404
]


@pytest.fixture
def hostile(owner):
    """The arguments of addresses: all that somebody may name or send is a trick."""
    rows = [make_conversation(f"{n} {TRICKS[n % 7]}", TRICKS[n % 7]) for n in range(21)]
    content = jsonl(rows) + f"{SCRIPT}\n".encode()
    dataset = make_dataset(content, name=f"{SCRIPT}.jsonl", owner=owner)
    model = catalog().get("qwen3-0.6b")
    notebook = generate_notebook(dataset, models=[model], training_config=None)
    job = Job.objects.create(owner=owner, dataset=dataset, notebook=notebook)
    return {
        "dataset_id": dataset.id, "notebook_id": notebook.id, "job_id": job.id,
        "number": 1,
    }  # fmt: skip


def has_no_markup_of_theirs(page):
    return not [
        trick
        for trick in (SCRIPT, "<img src=x", "<svg/onload", "1337")
        if trick in page
    ]


@pytest.mark.parametrize("name", SHOWN)
def test_no_text_of_a_dataset_becomes_markup(client, owner, hostile, name):
    client.force_login(owner)

    answer = client.get(f"{address_of(name, hostile)}?q={SCRIPT}")

    answer.close()
    assert answer.status_code == 200
    is_page = answer["Content-Type"].startswith("text/html")
    assert not is_page or has_no_markup_of_theirs(answer.text)
    assert is_page or "attachment" in answer["Content-Disposition"]


def test_support_sees_text_as_text_too(client, admin_user, hostile):
    client.force_login(admin_user)
    address = f"/admin/datasets/dataset/{hostile['dataset_id']}/content/"

    answer = client.post(address)

    assert answer.status_code == 200
    assert "alert(1)" in answer.text
    assert has_no_markup_of_theirs(answer.text)


def test_no_answer_of_the_api_can_be_read_as_a_page(client):
    dataset = make_dataset(jsonl([make_conversation(SCRIPT)]))

    answer = client.get(f"/preview/{dataset.id}", HTTP_ACCEPT="text/html")

    assert answer["Content-Type"] == "application/json"
    assert answer["X-Content-Type-Options"] == "nosniff"
