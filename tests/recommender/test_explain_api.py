import json

import pytest

from recommender.models import Recommendation
from recommender.services import catalog, replay
from tests.factories import jsonl, make_conversation, make_dataset

pytestmark = pytest.mark.django_db
NEED = {"task_type": "qa", "deployment_target": "edge"}


def ask(client, path="/recommend/explain", **wishes):
    body = {"session_id": str(make_dataset().id), **NEED, **wishes}
    return client.post(path, body, "application/json")


def test_a_recommendation_is_explained(client):
    found = ask(client, gpu="l4", languages=["de"]).json()

    best = found["candidates"][0]
    parts = {part["name"]: part for part in best["parts"]}
    assert found["catalog"] == {"version": "2026.11", "sha256": catalog().sha256}
    assert found["need"]["gpu"]["name"] == "l4"
    assert found["facts"]["total_examples"] == 60
    assert found["weights"] == {name: part["weight"] for name, part in parts.items()}
    weighted = sum(part["weight"] * part["value"] for part in parts.values())
    assert best["score"] == pytest.approx(weighted, abs=1e-4)
    assert found["runner_up"] == found["candidates"][1]
    assert len(found["candidates"]) + len(found["excluded"]) == len(catalog().models)
    counts = {row["constraint"]: row["excluded"] for row in found["constraints"]}
    said = [fault["rule"] for row in found["excluded"] for fault in row["violations"]]
    assert counts == {name: said.count(name) for name in counts}


def test_it_is_the_ranking_of_recommend(client):
    short = ask(client, "/recommend").json()["recommendations"]
    long = ask(client).json()["candidates"]

    assert [row["model_id"] for row in short] == [row["model_id"] for row in long[:5]]
    assert [row["reasons"] for row in short] == [row["reasons"] for row in long[:5]]


@pytest.mark.parametrize("wishes", [{}, {"gpu": "l4", "languages": ["de"]}, {"gpu": 9}])
def test_what_was_stored_can_be_replayed(client, wishes):
    answer = ask(client, **wishes).json()

    stored = Recommendation.objects.get(pk=answer.pop("recommendation_id"))

    assert stored.trace == answer
    assert json.loads(json.dumps(replay(stored))) == stored.trace
    assert stored.catalog_version == catalog().label


WISHES = [
    ({"max_model_size": "1B"}, lambda row: row["size"].endswith("M")),
    ({"ungated_only": True}, lambda row: not row["is_gated"]),
    ({"languages": ["de"]}, lambda row: row["model_id"] != "mistral-7b"),
]


@pytest.mark.parametrize(("wishes", "holds"), WISHES)
def test_wishes_are_kept(client, wishes, holds):
    found = ask(client, "/recommend", **wishes).json()["recommendations"]

    assert found
    assert all(map(holds, found))


@pytest.mark.parametrize(
    ("wishes", "part"),
    [
        ({"gpu": "gtx"}, "expected one of t4, l4, a100"),
        ({"languages": ["xx"]}, "expected ISO 639-1 codes"),
        ({"languages": "de"}, "languages is 'de'; expected a list of"),
        ({"commercial_use": "perhaps"}, "commercial_use is 'perhaps'; expected true"),
        ({"max_model_size": "1M"}, "max_model_size excludes 41 of 41"),
    ],
)
def test_senseless_wishes_are_refused_in_a_sentence(client, wishes, part):
    answer = ask(client, "/recommend", **wishes)

    assert answer.status_code == 400
    assert part in answer.json()["detail"]


GERMAN = [
    make_conversation(
        f"Wie viele Stunden hat eine Woche, wenn man {n} Tage davon abzieht?",
        "Eine Woche hat einhundertachtundsechzig Stunden, davon geht etwas ab.",
    )
    for n in range(60)
]


def test_the_language_of_the_data_is_found_and_kept_to(client):
    dataset = make_dataset(jsonl(GERMAN))
    body = {"session_id": str(dataset.id), **NEED}

    found = client.post("/recommend/explain", body, "application/json").json()

    assert found["closer_look"]["languages"] == {"de": 1.0}
    counted = {each.name for each in catalog().tokenizers}
    assert set(found["closer_look"]["vocabularies"]) == counted
    for row in found["candidates"]:
        assert catalog().get(row["model_id"]).languages.scope != "english_mainly"


def test_a_large_dataset_is_recommended_for_without_waiting(client, settings):
    dataset = make_dataset(jsonl(GERMAN))
    settings.SLMGEN_INLINE_ANALYSIS_BYTES = 10
    body = {"session_id": str(dataset.id), **NEED}

    found = client.post("/recommend/explain", body, "application/json").json()

    assert found["closer_look"] == {"languages": {}, "vocabularies": {}}
