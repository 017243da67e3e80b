from dataclasses import replace
from itertools import product

import pytest

from datasets.core.analysis.profile import Profile
from recommender.core.catalog.catalog import (
    Target,
    Task,
    parse_target,
    parse_task,
)
from recommender.core.catalog.load import load
from recommender.core.estimates import memory
from recommender.core.needs.known_data import KnownData
from recommender.core.needs.needs import Need, Wishes
from recommender.core.ranking.ranking import rank
from recommender.services import CATALOG_PATH

CATALOG = load(CATALOG_PATH)


def make_profile(**changes):
    values = {
        "rules_version": 1, "encoding": "o200k_base", "total_examples": 1500,
        "total_messages": 3000, "total_tokens": 225_000,
        "roles": {"user": 1500, "assistant": 1500, "system": 0},
        "average_message_length": 250.0, "multi_turn_examples": 0,
        "system_examples": 0, "tool_examples": 0, "token_buckets": {},
        "tokens_p50": 140, "tokens_p95": 260, "tokens_p99": 330, "tokens_max": 500,
        "answer_tokens": 150_000, "duplicates": 0, "scripts": {"latin": 1.0},
        "quality_score": 1.0, "quality_issues": [], "format_valid": True,
    }  # fmt: skip
    return Profile(**{**values, **changes})


def make_data(**changes):
    return KnownData(make_profile(**changes))


def slugs(ranking):
    return [entry.model.slug for entry in ranking.recommended]


def ranked(task=Task.QA, target=Target.CLOUD, catalog=CATALOG, wishes=None, **changes):
    wishes = Wishes() if wishes is None else wishes
    return rank(catalog, Need(make_profile(**changes), task, target, wishes))


def test_words_for_tasks_have_aliases():
    assert parse_task("chat") is Task.CONVERSATION
    assert parse_task("code") is Task.CODE_GENERATION
    assert parse_target("edge") is Target.EDGE


# GiB of peak allocation, r = 16, from the published table of the formula's authors.
MEMORY = {
    "phi-4-mini": (7.75, 18.03, 10.35),
    "llama-3.2-3b": (5.59, 12.45, 8.22),
    "gemma-2-2b": (7.70, 20.11, 8.71),
    "tinyllama-1.1b": (1.84, 3.82, 2.75),
    "qwen3-8b": (11.81, 20.45, 18.22),
    "gemma-3-270m": (4.78, 16.91, 4.08),
    "ministral-3-3b": (5.76, 12.67, 8.66),
}


@pytest.mark.parametrize("slug", MEMORY)
def test_training_memory_is_that_of_the_formula(slug):
    model = CATALOG.get(slug)

    small, large, lora16 = (
        formula(model, batch=batch, length=length) / memory.GIB
        for formula, batch, length in (
            (memory.qlora_bytes, 1, 1024),
            (memory.qlora_bytes, 2, 2048),
            (memory.lora16_bytes, 1, 1024),
        )
    )

    assert (small, large, lora16) == pytest.approx(MEMORY[slug], abs=0.011)


@pytest.mark.parametrize(("task", "target"), list(product(Task, Target)))
def test_ordinary_data_get_at_least_three_models(task, target):
    found = ranked(task, target)

    assert len(found.recommended) >= 3
    assert all(reason for entry in found.recommended for reason in entry.reasons)


@pytest.mark.parametrize(("task", "target"), list(product(Task, Target)))
def test_unclear_licenses_are_never_offered(task, target):
    assert not {"qwen2.5-3b", "stablelm-zephyr-3b"} & set(slugs(ranked(task, target)))


@pytest.mark.parametrize("task", Task)
def test_browsers_get_models_with_a_ready_build(task):
    found = ranked(task, Target.BROWSER)

    assert all(entry.model.deployment.webllm_mb for entry in found.recommended)


def test_a_short_context_is_never_offered_to_long_data():
    found = ranked(tokens_p99=3000, tokens_p95=2500, tokens_max=4000)

    excluded = {entry.model.slug: entry.reasons for entry in found.excluded}
    assert any("it reads 2,048" in r for r in excluded["tinyllama-1.1b"])


@pytest.mark.parametrize(
    ("script", "code"), [("arabic", "ar"), ("hangul", "ko"), ("thai", "th")]
)
def test_foreign_scripts_get_models_that_name_the_language(script, code):
    found = ranked(scripts={script: 0.97, "latin": 0.03})

    for entry in found.recommended:
        languages = entry.model.languages
        assert code in languages.codes or languages.scope == "broad_claim"


def test_japanese_is_not_taken_for_chinese():
    found = ranked(scripts={"han": 0.5, "kana": 0.5})

    for entry in found.recommended:
        languages = entry.model.languages
        assert "ja" in languages.codes or languages.scope == "broad_claim"


def test_system_prompts_exclude_templates_without_them():
    found = ranked(system_examples=10)

    assert "gemma-2-2b" in [entry.model.slug for entry in found.excluded]


def test_tools_exclude_templates_without_them():
    found = ranked(tool_examples=10)

    assert all(entry.model.tools != "no" for entry in found.recommended)


def test_more_rows_change_no_hard_fact():
    few = ranked(total_examples=200)
    many = ranked(total_examples=600_000)

    assert [e.reasons for e in few.excluded] == [e.reasons for e in many.excluded]


def test_a_measured_place_beats_an_unknown_one():
    assert slugs(ranked())[0] == "qwen3-4b-instruct-2507"


def test_a_changed_model_is_another_score():
    best = CATALOG.get("qwen3-4b-instruct-2507")
    worse = replace(best, evidence=replace(best.evidence, tuned_average_rank=12.0))
    models = tuple(worse if m is best else m for m in CATALOG.models)

    found = ranked(catalog=replace(CATALOG, models=models))

    assert slugs(found)[0] != best.slug
