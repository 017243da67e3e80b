"""What holds for every task, target and shape of data."""

from dataclasses import replace
from functools import cache
from itertools import pairwise, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recommender.core.catalog.catalog import Target, Task
from recommender.core.catalog.gpus import parse_gpu
from recommender.core.estimates.presets import FEW_EXAMPLES
from recommender.core.needs.needs import Need, Wishes
from recommender.core.ranking.constraints import violations
from recommender.core.ranking.ranking import rank
from slmgen.errors import InvalidInput
from tests.recommender.test_recommender import CATALOG, make_profile, slugs

ORDINARY = make_profile()
SHAPES = {
    "ordinary": ORDINARY,
    "tiny": make_profile(total_examples=12),
    "large": make_profile(total_examples=200_000, total_tokens=30_000_000),
    "short answers": make_profile(answer_tokens=4_500),
    "long": make_profile(tokens_p50=1500, tokens_p95=2500, tokens_p99=3000,
                         tokens_max=9000),
    "system prompts": make_profile(system_examples=1500),
    "tools": make_profile(tool_examples=700),
    "Arabic": make_profile(scripts={"arabic": 0.95, "latin": 0.05}),
    "Japanese": make_profile(scripts={"kana": 0.6, "han": 0.4}),
}  # fmt: skip
SHAPED = list(product(Target, SHAPES))


@cache
def rankings(target, shape):
    """For every task."""
    return [rank(CATALOG, Need(SHAPES[shape], task, target)) for task in Task]


@pytest.mark.parametrize(("target", "shape"), SHAPED)
def test_three_models_or_the_constraint_that_left_fewer(target, shape):
    for found in rankings(target, shape):
        offered = found.recommended
        scores = [entry.score for entry in offered]
        reasons = offered[0].reasons
        said = [r for r in reasons if r.startswith("Only ") and " excludes " in r]

        assert len(offered) >= 3 or said
        assert not {"qwen2.5-3b", "stablelm-zephyr-3b"} & set(slugs(found))
        assert scores == sorted(scores, reverse=True)
        assert all(0 <= score <= 1 for score in scores)


@pytest.mark.parametrize(("target", "shape"), SHAPED)
def test_every_part_of_a_score_names_a_figure_and_a_source(target, shape):
    entries = [e for found in rankings(target, shape) for e in found.candidates]

    for part in (part for entry in entries for part in entry.detail.parts):
        assert any(character.isdigit() for character in part.reason), part
        assert part.source
        assert 0 <= part.value <= 1


@pytest.mark.parametrize(("target", "shape"), SHAPED)
def test_every_excluded_model_has_a_figure_and_a_way_back(target, shape):
    entries = [e for found in rankings(target, shape) for e in found.excluded]

    assert entries
    for entry in entries:
        assert entry.violations, entry.model.slug
        assert all(violation.remedy for violation in entry.violations)


profiles = st.builds(
    make_profile,
    total_examples=st.integers(1, 10**6),
    tokens_p50=st.integers(1, 5000),
    tokens_p95=st.integers(1, 50_000),
    tokens_p99=st.integers(1, 10**6),
    system_examples=st.integers(0, 5),
    tool_examples=st.integers(0, 5),
    scripts=st.dictionaries(
        st.sampled_from(["latin", "han", "kana", "arabic", "thai", "cyrillic"]),
        st.floats(0, 1),
    ),
)
wishes = st.builds(
    Wishes,
    gpu=st.integers(1, 200).map(lambda gigabytes: parse_gpu(str(gigabytes))),
    commercial_use=st.booleans(),
    max_parameters=st.none() | st.floats(2e8, 1e10),
    languages=st.lists(st.sampled_from(["en", "de", "ja"]), max_size=2).map(tuple),
    ungated_only=st.booleans(),
)
needs = st.builds(
    Need, profiles, st.sampled_from(Task), st.sampled_from(Target), wishes
)


def candidates(need, catalog=CATALOG):
    """Slugs of all that can work, in order; none where that is refused."""
    try:
        return [entry.model.slug for entry in rank(catalog, need).candidates]
    except InvalidInput:
        return []


@settings(max_examples=60, deadline=None)
@given(needs, st.randoms())
def test_the_order_of_the_catalog_does_not_matter(need, random):
    models = list(CATALOG.models)
    random.shuffle(models)

    shuffled = replace(CATALOG, models=tuple(models))

    assert candidates(need, shuffled) == candidates(need)


@settings(max_examples=60, deadline=None)
@given(needs)
def test_whoever_is_offered_breaks_no_constraint(need):
    for slug in candidates(need):
        assert violations(CATALOG.get(slug), need, CATALOG) == []


@settings(max_examples=60, deadline=None)
@given(
    needs, st.sampled_from([*pairwise(("6", "8", "12", "16", "24", "40", "80", "200"))])
)
def test_more_gpu_memory_never_removes_a_candidate(need, sizes):
    fewer, more = (
        set(candidates(replace(need, wishes=replace(need.wishes, gpu=gpu))))
        for gpu in map(parse_gpu, sizes)
    )

    assert fewer <= more


@settings(max_examples=40, deadline=None)
@given(needs, st.integers(2, 1000))
def test_more_rows_of_the_same_shape_change_no_hard_fact(need, factor):
    """But that few get an adapter of half the width, which takes less memory."""
    rows = need.profile.total_examples * factor
    more = replace(need, profile=replace(need.profile, total_examples=rows))

    def excluded(asked):
        return {
            model.slug: [fault.rule for fault in violations(model, asked, CATALOG)]
            for model in CATALOG.models
        }

    few, many = excluded(need), excluded(more)
    if need.profile.total_examples < FEW_EXAMPLES <= rows:
        assert all(set(few[slug]) <= set(many[slug]) for slug in few)
    else:
        assert few == many


@settings(max_examples=60, deadline=None)
@given(needs)
def test_promises_that_are_never_broken(need):
    profile, found = need.profile, candidates(need)
    models = {slug: CATALOG.get(slug) for slug in found}

    if need.wishes.commercial_use:
        assert not {"qwen2.5-3b", "stablelm-zephyr-3b"} & set(found)
    if profile.tokens_p99 > 2048:
        assert "tinyllama-1.1b" not in found
    if profile.system_examples:
        assert "gemma-2-2b" not in found
    if "de" in need.wishes.languages:
        scopes = {model.languages.scope for model in models.values()}
        assert "english_mainly" not in scopes
    if need.target is Target.BROWSER:
        assert all(model.deployment.webllm_mb for model in models.values())
    if need.target is Target.MOBILE:
        assert not {"gemma-4-e2b", "gemma-4-e4b"} & set(found)
    if need.wishes.ungated_only:
        assert not any(model.is_gated for model in models.values())
