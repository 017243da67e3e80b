"""Rows that are longer than each model can read."""

import io

import numpy as np
import pytest

from datasets.core.analysis.example_index import RECORD, ExampleLengths, to_bytes
from datasets.core.tokenization.model_lengths import CONTEXTS
from recommender.core.estimates.context_overflow import rows_over_contexts
from recommender.services import catalog
from tests.factories import jsonl, make_conversation, make_dataset
from tests.recommender.core.ranking.test_constraints import need


def found_for(client, dataset):
    body = client.get(f"/datasets/{dataset.id}/contexts").json()
    return {row["model_id"]: row for row in body["models"]}


def test_rows_over_every_context_of_the_catalog_are_counted():
    assert {model.context_length for model in catalog().models} <= set(CONTEXTS)


@pytest.mark.django_db
def test_rows_are_counted_to_the_token_for_a_model_whose_tokenizer_is_known(client):
    # ChatML around the two texts is 10 tokens, the empty thought 4: Qwen3 reads 32,768.
    rows = [
        make_conversation(" word" * words, "ok")
        for words in (32_768 - 15, 32_768 - 14, 20)
    ]

    found = found_for(client, make_dataset(jsonl(rows)))

    assert found["qwen3-0.6b"] == {
        "model_id": "qwen3-0.6b", "model_name": "Qwen3 0.6B", "context_length": 32_768,
        "least": 1, "most": 1, "is_exact": True,
        "basis": "counted by qwen3 with the template",
    }  # fmt: skip
    assert set(found) == {model.slug for model in catalog().models}


@pytest.mark.django_db
def test_other_models_get_a_range(client):
    rows = [make_conversation(" word" * n, "ok") for n in (1_000, 1_900, 2_500, 9_000)]

    row = found_for(client, make_dataset(jsonl(rows)))["tinyllama-1.1b"]

    assert (row["least"], row["most"], row["is_exact"]) == (1, 3, False)
    assert row["basis"].startswith("estimated")


@pytest.mark.django_db
def test_nothing_is_counted_exactly_before_somebody_looked_closer(client, settings):
    dataset = make_dataset(jsonl([make_conversation(" word" * 40_000, "ok")]))
    settings.SLMGEN_INLINE_ANALYSIS_BYTES = 10

    row = found_for(client, dataset)["qwen3-0.6b"]

    assert (row["is_exact"], row["least"], row["most"]) == (False, 0, 1)


def test_tool_rows_widen_the_range():
    counted = {"qwen3": {"tokens": 5, "over_context": {"32768": 2}}}
    asked = need(tool_examples=4)

    records = np.zeros(10, RECORD)
    records["tokens"] = 100
    lengths = ExampleLengths(io.BytesIO(to_bytes(records)), 10, 1)
    rows = rows_over_contexts(catalog().models, asked.data, lengths, counted)

    row = next(row for row in rows if row.model_id == "qwen3-8b")
    assert (row.least, row.most, row.is_exact) == (2, 6, False)
