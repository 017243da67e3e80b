import re

import pytest

from recommender.services import catalog

pytestmark = pytest.mark.django_db


def test_the_catalog_is_published_with_its_version(client):
    found = client.get("/models").json()

    assert found["catalog_version"] == catalog().version
    assert found["catalog_sha256"] == catalog().sha256
    assert [row["model_id"] for row in found["models"]] == [
        model.slug for model in catalog().models
    ]


@pytest.mark.parametrize("slug", [model.slug for model in catalog().models])
def test_every_fact_about_a_model_is_published(client, slug):
    model, found = catalog().get(slug), client.get(f"/models/{slug}").json()

    assert found["parameters"]["linear"] == model.parameters.linear
    assert found["shape"]["vocab_size"] == model.shape.vocab_size
    assert found["chat"] == model.chat
    assert found["tokenizer"] == model.vocabulary.name
    assert found["lora_target_modules"] == list(model.lora_target_modules)
    assert found["sources"] == list(model.sources)
    assert found["unverified"] == list(model.unverified)
    assert found["deployment"]["webllm_mb"] == model.deployment.webllm_mb


def test_an_unknown_model_is_404_in_a_sentence(client):
    answer = client.get("/models/gpt-5")

    assert answer.status_code == 404
    assert "GET /models lists" in answer.json()["detail"]


def test_the_page_lists_every_model(client):
    page = client.get("/app/models/").content.decode()

    for model in catalog().models:
        assert f'href="/app/models/{model.slug}/"' in page
    assert "<script" not in page
    assert "style=" not in page


def test_chosen_models_stand_side_by_side(client):
    address = "/app/models/?compare=qwen3-0.6b&compare=gemma-3-270m"

    page = client.get(address).content.decode()

    row = re.search(r"Parameters</th>\s*<td>(.*?)</td>\s*<td>(.*?)</td>", page)
    assert row.groups() == ("596,049,920", "268,098,176")
    assert page.count(" checked") == 2


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("compare=gpt-5", "model_id is &#x27;gpt-5&#x27;; expected one of phi-4-mini"),
        (
            "&".join(["compare=qwen3-0.6b"] * 5),
            "5 models are chosen; compare at most 4",
        ),
    ],
)
def test_a_senseless_choice_is_said_on_the_page(client, query, sentence):
    answer = client.get(f"/app/models/?{query}")

    assert answer.status_code == 400
    assert sentence in answer.content.decode()


@pytest.mark.parametrize("slug", [model.slug for model in catalog().models])
def test_every_model_has_a_page_with_its_sources(client, slug):
    answer = client.get(f"/app/models/{slug}/")

    assert answer.status_code == 200
    assert "<h2>Sources</h2>" in answer.content.decode()


def test_an_unknown_model_has_no_page(client):
    answer = client.get("/app/models/gpt-5/")

    assert answer.status_code == 404
    assert "<h1>" in answer.content.decode()
