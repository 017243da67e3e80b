"""Each constraint: what it says, and what it says would bring the model back."""

import tomllib
from dataclasses import replace

import pytest

from recommender.core.catalog.catalog import Target, Task
from recommender.core.catalog.gpus import parse_gpu
from recommender.core.estimates import lengths, training
from recommender.core.needs.known_data import KnownInsights
from recommender.core.needs.needs import Need, Wishes, parse_wishes
from recommender.core.ranking.constraints import violations
from recommender.core.ranking.ranking import rank
from slmgen.errors import InvalidInput
from tests.conftest import REPO
from tests.recommender.test_recommender import CATALOG, make_profile

LONG = {"tokens_p50": 1500, "tokens_p95": 2500, "tokens_p99": 3000, "tokens_max": 9000}


def need(target=Target.CLOUD, wishes=None, **changes):
    return Need(make_profile(**changes), Task.QA, target, wishes or Wishes())


def faults(slug, asked, **changes):
    model = replace(CATALOG.get(slug), **changes)
    return [(fault.rule, str(fault)) for fault in violations(model, asked, CATALOG)]


SAID = [
    ("qwen3-4b-instruct-2507", need(**LONG), "H1 training memory",
     "training takes 14.0 to 17.0 GiB (4-bit, batch 1, 3,648 tokens a row) and the "
     "most must fit, a free T4 has 14.7; gpu l4 would do, or a limit of 2,880 tokens "
     "(4-bit, batch 1, 2,880 tokens a row) would bring it back and cut at most 750 of "
     "1,500 rows"),
    ("mistral-7b", need(Target.MOBILE), "H2 deployment memory",
     "it takes 5.4 GB to run in 4 bits with 4,096 tokens, a mid-range phone leaves 2.6 "
     "GB; a target with 5.4 GB would bring it back"),
    ("tinyllama-1.1b", need(**LONG), "H3 length",
     "99% of your examples need up to 3,600 of its tokens (estimated as 1.2 × o200k), "
     "it reads 2,048; leave out its longest rows, at most 750 of 1,500"),
    ("mistral-7b", need(scripts={"thai": 0.9, "latin": 0.1}), "H4 language",
     "90% of your text is in thai script and its languages (english mainly) do not "
     "name th; leave out those rows, at most 5% may stay"),
    ("mistral-7b", need(wishes=Wishes(languages=("de",))), "H4 language",
     "its languages (english mainly: en) do not name de; leave de out of languages"),
    ("qwen2.5-3b", need(), "H5 licence",
     "its license does not clearly allow commercial use (no (research and evaluation "
     "only)); commercial_use false would bring it back"),
    ("gemma-2-2b", need(system_examples=7), "H7 system prompts",
     "7 of your examples have a system prompt, its template has none; put the system "
     "text into the first user message"),
    ("phi-3.5-mini", need(tool_examples=7), "H7 tools",
     "7 of your examples use tools, its template has none; leave those rows out"),
    ("qwen3-4b-instruct-2507", need(wishes=Wishes(max_parameters=3e9)),
     "max_model_size",
     "it has 4.0B parameters, max_model_size is 3B; max_model_size 4.0B would bring it "
     "back"),
    ("llama-3.2-1b", need(wishes=Wishes(ungated_only=True)), "ungated_only",
     "its maker's repository asks for a login and agreement to its terms; ungated_only "
     "false would bring it back (unsloth/Llama-3.2-1B-Instruct is an open copy)"),
]  # fmt: skip


@pytest.mark.parametrize(("slug", "asked", "rule", "sentence"), SAID)
def test_a_violation_names_figure_and_way_back(slug, asked, rule, sentence):
    assert (rule, sentence) in faults(slug, asked)


def test_a_model_newer_than_the_pinned_software_is_left_out():
    ((rule, sentence),) = faults("qwen3-1.7b", need(), min_transformers="5.23")

    assert rule == "H6 software"
    assert sentence.startswith("it needs transformers 5.23, the pinned Unsloth allows")


def test_the_limit_of_the_software_is_that_of_the_notebook():
    pins = tomllib.loads((REPO / "notebooks/pins.toml").read_text(encoding="utf-8"))

    assert f"transformers=={CATALOG.transformers_limit}" in pins["unsloth"]["packages"]


def test_a_model_that_always_thinks_is_kept_off_short_answers():
    short = need(answer_tokens=1500 * 10)
    long = need(answer_tokens=1500 * 200)

    found = faults("qwen3-1.7b", short, thinking="always on")

    assert [rule for rule, _ in found] == ["H7 thinking"]
    assert faults("qwen3-1.7b", long, thinking="always on") == []


def test_the_way_back_leads_back():
    model = CATALOG.get("qwen3-4b-instruct-2507")
    shorter = training.shorter_setup(model, need(**LONG).data)
    cut = {**LONG, "tokens_p95": 2300, "tokens_p99": 2360}

    assert shorter.length == 2880
    assert faults("qwen3-4b-instruct-2507", need(**cut)) == []
    large = Wishes(gpu=parse_gpu("l4"))
    assert faults("qwen3-4b-instruct-2507", need(wishes=large, **LONG)) == []


def test_a_smaller_batch_is_tried_before_a_model_is_left_out():
    setup = training.best_setup(CATALOG.get("qwen3-8b"), need().data)

    assert (setup.in_4bit, setup.batch) == (True, 2)


def test_without_a_gpu_there_is_no_4_bit():
    asked = need(wishes=Wishes(gpu=parse_gpu("cpu")))

    setups = [entry.training.setup for entry in rank(CATALOG, asked).candidates]

    assert setups
    assert not any(setup.in_4bit for setup in setups)


def test_rows_that_a_limit_cuts_are_counted_from_the_safe_side():
    model, data = CATALOG.get("phi-4-mini"), need().data

    cut = [lengths.rows_over(model, data, limit) for limit in (100, 200, 300, 600)]

    assert cut == [1500, 750, 75, 0]


def test_nothing_left_is_said_with_the_constraint():
    asked = need(tokens_p99=400_000, tokens_max=400_000)

    with pytest.raises(InvalidInput) as error:
        rank(CATALOG, asked)

    assert "H3 length excludes 41 of 41" in error.value.detail


WRONG = [
    ({"gpu": "gtx"}, "gpu is 'gtx'; expected one of t4, l4, a100, h100, rtx-4090, "),
    ({"gpu": "0"}, "or its memory in GB from 1 to 1024"),
    ({"max_model_size": "big"}, "max_model_size is 'big'; expected parameters in bill"),
    ({"languages": ["xx"]}, "languages holds 'xx'; expected ISO 639-1 codes out of ar"),
]


@pytest.mark.parametrize(("asked", "sentence"), WRONG)
def test_an_unknown_wish_is_refused_with_those_that_are_known(asked, sentence):
    with pytest.raises(InvalidInput) as error:
        parse_wishes(CATALOG, **asked)

    assert sentence in error.value.detail


def test_wishes_are_read_as_people_write_them():
    found = parse_wishes(
        CATALOG, gpu="24 GB", max_model_size="600m", languages=["DE", "pt-BR"]
    )

    assert found.gpu.usable_gib == pytest.approx(22.08)
    assert found.max_parameters == 6e8
    assert found.languages == ("de", "pt")


def test_a_model_that_can_think_is_told_not_to_for_short_answers():
    asked = need(answer_tokens=1500 * 10)

    remarks = {
        entry.model.slug: [r for r in entry.reasons if "can think" in r]
        for entry in rank(CATALOG, asked).candidates
    }

    assert remarks["qwen3-1.7b"] == [
        "It can think before it answers: keep that off, your answers have 10 tokens on "
        "average"
    ]
    assert remarks["qwen3-4b-instruct-2507"] == []


def with_insights(**insights):
    return replace(need(), insights=KnownInsights(**insights))


def test_german_data_get_no_model_that_promises_english_alone():
    german = with_insights(languages={"de": 0.94, "en": 0.06})

    found = [entry.model for entry in rank(CATALOG, german).candidates]

    assert len(found) >= 3
    assert not any(model.languages.scope == "english_mainly" for model in found)
    assert faults("mistral-7b", german) == [
        ("H4 language",
         "94% of your examples are in de and its languages (english mainly) do not "
         "name it; leave out those rows, at most 5% may stay"),
    ]  # fmt: skip


def test_a_few_rows_in_another_language_exclude_nothing():
    mostly_english = with_insights(languages={"en": 0.94, "de": 0.03, "unknown": 0.3})

    assert faults("mistral-7b", mostly_english) == []


def test_a_count_by_the_model_s_own_vocabulary_replaces_the_estimate():
    counted = with_insights(vocabularies={"qwen3.5": 1.07, "cl100k": 1.4})
    ratios = {
        slug: lengths.ratio_of(CATALOG.get(slug), counted.data)
        for slug in ("qwen3.5-2b", "granite-4.0-350m", "qwen3-1.7b", "phi-4-mini")
    }

    assert {slug: ratio.value for slug, ratio in ratios.items()} == {
        "qwen3.5-2b": 1.07, "granite-4.0-350m": 1.4, "qwen3-1.7b": 1.4, "phi-4-mini": 1,
    }  # fmt: skip
    assert ratios["qwen3.5-2b"].basis == (
        "1.07 × o200k, counted on your data by qwen3.5"
    )
    assert not any(ratio.is_exact for slug, ratio in ratios.items() if slug[0] != "p")


def test_a_vocabulary_that_was_shown_equal_counts_exactly():
    counted = with_insights(vocabularies={"qwen3": 1.02})

    ratio = lengths.ratio_of(CATALOG.get("qwen3-1.7b"), counted.data)

    assert (ratio.value, ratio.is_exact) == (1.02, True)


def test_scripts_that_vocabularies_are_weak_in_are_estimated_from_the_safe_side():
    model = CATALOG.get("qwen3-1.7b")
    english, arabic = need(), need(scripts={"arabic": 1.0})

    assert lengths.ratio_of(model, english.data).basis == "estimated as 1.2 × o200k"
    assert lengths.ratio_of(model, arabic.data).basis == "estimated as 2.18 × o200k"
