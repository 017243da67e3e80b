import re

import pytest
from django.utils.html import escape

from datasets.core.faults.catalog import KINDS
from slmgen.site.help_pages import DOCUMENTS
from tests.factories import make_dataset

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("name", [document.name for document in DOCUMENTS])
def test_every_document_is_a_page_whose_links_lead_somewhere(client, name):
    page = client.get(f"/app/docs/{name}/")
    text = page.content.decode()

    assert page.status_code == 200
    assert text.count("<h1>") == 1
    links = set(re.findall(r'href="(/[^"#]*)', text)) - {"/openapi.json"}
    statuses = {
        link: client.get(link).status_code
        for link in links
        if not link.startswith("/static/")
    }
    assert {link for link, status in statuses.items() if status != 200} <= {
        "/app/jobs/"  # leads to the sign-in
    }


def test_the_index_names_them_all(client):
    text = client.get("/app/docs/").content.decode()

    assert [f"/app/docs/{each.name}/" in text for each in DOCUMENTS] == [True] * 7


def test_every_issue_has_its_meaning(client):
    text = client.get("/app/docs/issues/").content.decode()

    for kind in KINDS.values():
        line = text[text.index(f'<tr id="{kind.name}">') :].partition("</tr>")[0]
        cost = "left out" if kind.weight is None else f"{100 * kind.weight:.0f} points"
        for words in (kind.title, kind.why, cost, kind.fixer_words or "drop the rows"):
            assert f">{escape(words)}</t" in line


def test_an_unknown_document_is_404(client):
    assert client.get("/app/docs/nothing/").status_code == 404


def test_questions_on_the_data_page_lead_to_their_answers(client):
    dataset = make_dataset()

    page = client.get(f"/app/datasets/{dataset.id}/").content.decode()

    for name in ("score", "issues", "formats", "api"):
        assert f"/app/docs/{name}/" in page
