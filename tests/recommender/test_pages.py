import html
import re

import pytest

from recommender.models import Recommendation
from tests.factories import jsonl, make_conversation, make_dataset

pytestmark = pytest.mark.django_db


def address(dataset, query=""):
    return f"/app/datasets/{dataset.id}/model/{query}"


def test_looking_remembers_nothing(client):
    shown = client.get(address(make_dataset())).content.decode()

    assert "Best pick" in shown
    assert Recommendation.objects.count() == 0


def test_an_answer_is_remembered_and_has_its_own_address(client):
    dataset = make_dataset()

    answer = client.post(address(dataset), {"task": "qa", "target": "mobile"})

    assert answer["Location"] == address(dataset, "?task=qa&target=mobile#ranking")
    assert Recommendation.objects.get().target == "mobile"
    shown = client.get(address(dataset)).content.decode()
    assert 'value="mobile" checked' in shown


def test_the_first_cards_are_compared_in_a_table(client):
    shown = client.get(address(make_dataset())).content.decode()

    link = re.search(r"/app/models/\?compare=[^\"]+", shown)[0]
    table = client.get(html.unescape(link)).content.decode()
    assert table.count(" checked>") == 3


def test_each_card_says_what_would_change_its_place(client):
    shown = client.get(
        address(make_dataset(), "?task=qa&target=cloud")
    ).content.decode()

    best, *others = shown.split("<article")[1:]
    assert "it runs on mobile: then Qwen3 1.7B comes first" in best
    assert "it runs on mobile: then it comes first" in "".join(others)
    assert all("<summary>Would change if</summary>" in card for card in (best, *others))
    assert "No other GPU" in "".join(others)
    assert "Would change if it runs" not in shown  # said once


def test_a_model_of_nearly_a_billion_parameters_is_said_to_have_one(client):
    shown = client.get("/app/models/").content.decode()

    assert "1000M" not in shown
    assert ">1.0B<" in shown


def test_labels_suggest_classification_and_say_why(client):
    rows = [make_conversation(f"Message {n}", "billing") for n in range(60)]

    shown = client.get(address(make_dataset(jsonl(rows)))).content.decode()

    assert 'value="classification" checked' in shown
    assert "100% of the answers are as short as a label" in shown


def test_an_unknown_answer_takes_the_suggestion(client):
    plain, odd = (
        client.get(address(make_dataset(), query)).content.decode().count("checked")
        for query in ("", "?task=no&target=no")
    )

    assert plain == odd == 2


def test_every_card_leads_to_the_training_of_its_model(client):
    dataset = make_dataset()

    shown = client.get(address(dataset)).content.decode()

    assert f"/app/datasets/{dataset.id}/training/?model=" in shown
    assert "commercial use" in shown
