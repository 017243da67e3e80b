"""The recipe "add a model": one more entry of the catalog, and no other file."""

import json
import re

import pytest

from recommender import services
from tests.factories import jsonl, make_conversation, make_dataset

pytestmark = pytest.mark.django_db

TEXTS = {  # two vocabularies: one that a package carries, one that none does
    "qwen3-0.6b": {"name": "Qwen3 0.6B", "hf_id": "Qwen/Qwen3-0.6B"},
    "gemma-3-270m": {"name": "Gemma 3 270M", "hf_id": "google/gemma-3-270m-it"},
}
NEED = {"task_type": "conversation", "deployment_target": "desktop"}


@pytest.fixture(params=TEXTS)
def like(request):
    return request.param


@pytest.fixture
def newcomer(like, tmp_path, monkeypatch):
    """A catalog in which a model stands that no line of code has ever heard of."""
    text = services.CATALOG_PATH.read_text(encoding="utf-8")
    (entry,) = re.findall(
        rf'(?ms)^\[models\."{re.escape(like)}"\]$.*?(?=^\[models\."[^"]+"\]$|\Z)', text
    )
    path = tmp_path / "catalog.toml"
    path.write_text(text + "\n" + renamed(entry, like), encoding="utf-8")
    monkeypatch.setattr(services, "CATALOG_PATH", path)
    services.catalog.cache_clear()
    yield "newcomer-1b"
    services.catalog.cache_clear()


def renamed(entry, like):
    known = TEXTS[like]
    for old, new in (
        (f'models."{like}"', 'models."newcomer-1b"'),
        (f'name = "{known["name"]}"', 'name = "Newcomer 1B"'),
        (f'hf_id = "{known["hf_id"]}"', 'hf_id = "nobody/Newcomer-1B"'),
        ("context_length = 32_768", "context_length = 20_000"),
    ):
        assert old in entry
        entry = entry.replace(old, new)
    return entry


@pytest.fixture
def dataset():
    rows = [make_conversation(" word" * n, f"Answer {n}.") for n in range(1, 61)]
    return make_dataset(jsonl(rows))


def post(client, path, dataset, **body):
    body = {"session_id": str(dataset.id), **body}
    return client.post(path, json.dumps(body), "application/json").json()


def test_a_new_model_is_published(client, newcomer):
    listed = client.get("/models").json()["models"]
    shown = client.get(f"/models/{newcomer}").json()
    page = client.get(f"/app/models/{newcomer}/").content.decode()

    assert newcomer in [model["model_id"] for model in listed]
    assert shown["tokenizer"]
    assert shown["chat"]["turn_end"]
    assert "Newcomer 1B" in page


def test_a_new_model_is_ranked_as_the_one_that_it_is_like(
    client, newcomer, like, dataset
):
    found = post(client, "/recommend/explain", dataset, **NEED)

    scores = {row["model_id"]: row["score"] for row in found["candidates"]}
    assert scores[newcomer] == scores[like]


def test_rows_are_counted_for_a_new_model_as_for_the_one_that_it_is_like(
    client, newcomer, like, dataset
):
    tokenizers = client.get(f"/datasets/{dataset.id}/insights").json()["tokenizers"]
    rows = client.get(f"/datasets/{dataset.id}/contexts").json()["models"]

    for counted in tokenizers.values():
        assert (newcomer in counted["model_ids"]) is (like in counted["model_ids"])
    (row,) = [row for row in rows if row["model_id"] == newcomer]
    assert (row["least"], row["most"], row["context_length"]) == (0, 0, 20_000)


def test_what_a_new_model_sees_of_a_row_is_shown(client, newcomer, like, dataset):
    address = f"/app/datasets/{dataset.id}/rows/1/?model="

    page, known = (
        client.get(address + slug).content.decode() for slug in (newcomer, like)
    )

    seen = re.compile(r'(?s)<pre class="sight".*?</pre>')
    assert seen.search(page)[0] == seen.search(known)[0]


def test_a_new_model_has_a_plan_and_a_notebook(client, newcomer, like, dataset):
    plan, known = (
        post(client, "/plan", dataset, model_id=slug) for slug in (newcomer, like)
    )
    made = post(client, "/generate", dataset, model_id=newcomer)

    assert (plan.pop("model_id"), plan.pop("model_name")) == (newcomer, "Newcomer 1B")
    assert plan.items() <= known.items()
    assert "Newcomer" in client.get(made["download_url"]).content.decode()
