"""What the order says of itself: how sure it is, and what would change it."""

from dataclasses import replace

import pytest

from recommender.core.catalog.catalog import Target, Task
from recommender.core.catalog.gpus import parse_gpu
from recommender.core.needs.needs import Need, Wishes
from recommender.core.ranking.ranking import rank
from recommender.core.ranking.scoring import WEIGHTS, weigh
from slmgen.errors import InvalidInput
from tests.recommender.test_recommender import CATALOG, make_profile


def need(target=Target.CLOUD, wishes=None, **changes):
    return Need(make_profile(**changes), Task.QA, target, wishes or Wishes())


def said(found, start):
    return [r for r in found.recommended[0].reasons if r.startswith(start)]


def test_near_ties_are_too_close_to_call():
    found = rank(CATALOG, need())

    (sentence,) = said(found, "Too close to call: 0.75 against ")
    assert all(entry.model.name in sentence for entry in found.close[:2])
    assert "(± 0." in sentence


def test_a_sure_lead_is_not_called_close():
    best = CATALOG.get("qwen3-4b-instruct-2507")
    known = replace(best.evidence, tuned_average_rank=11.0, tuned_rank_interval=0.1)
    models = [
        model if model is best else replace(model, evidence=known)
        for model in CATALOG.models
    ]

    found = rank(replace(CATALOG, models=tuple(models)), need())

    assert found.close == ()
    assert said(found, "Too close") == []


def test_what_would_change_the_first_place_is_true():
    asked = need(Target.MOBILE, scripts={"latin": 1.0}, total_examples=60)
    found = rank(CATALOG, asked)
    open_license = rank(
        CATALOG, replace(asked, wishes=replace(asked.wishes, commercial_use=False))
    )

    first = open_license.candidates[0].model
    changes = first.slug != found.candidates[0].model.slug
    sentence = f"commercial use does not matter: then {first.name} comes first"
    assert (sentence in found.would_change_if) is changes


def test_a_larger_gpu_that_would_change_the_first_place_is_named():
    small = need(wishes=Wishes(gpu=parse_gpu("6")))

    found = rank(CATALOG, small)

    assert any(text.startswith("you train on gpu ") for text in found.would_change_if)


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ("it runs on mobile", need(Target.MOBILE)),
        ("it runs on desktop", need(Target.DESKTOP)),
        ("you train on gpu rtx-3060", need(wishes=Wishes(gpu=parse_gpu("rtx-3060")))),
    ],
)
def test_each_model_on_offer_says_what_would_move_it(text, other):
    found, then = rank(CATALOG, need()), rank(CATALOG, other)

    best, first = (ranking.candidates[0].model for ranking in (found, then))
    gone = {entry.model.slug: entry.reasons[0] for entry in then.excluded}
    for entry in found.recommended:
        said = [t for t in entry.would_change_if if t.startswith(f"{text}: ")]
        is_moved = entry.model is first is not best
        expected = [f"{text}: then it comes first"] if is_moved else []
        if entry.model is best is not first:
            expected = [f"{text}: then {first.name} comes first"]
        if entry.model.slug in gone:
            reason = gone[entry.model.slug]
            expected.append(f"{text}: then it no longer fits, {reason}")
        assert said == expected
    assert any(entry.would_change_if for entry in found.recommended)


def test_few_left_say_what_excluded_the_others():
    found = rank(CATALOG, need(wishes=Wishes(max_parameters=3e8)))

    assert [entry.model.slug for entry in found.candidates] == [
        "gemma-3-270m", "smollm2-135m"
    ]  # fmt: skip
    (sentence,) = said(found, "Only 2 can work for this: ")
    assert "max_model_size excludes 39 of 41" in sentence


@pytest.mark.parametrize(
    ("parts", "value"),
    [({"quality": 1.0}, 1.0), ({"quality": 1.0, "task": 0.0}, 0.7692)],
)
def test_parts_are_weighed_by_the_one_table_of_weights(parts, value):
    assert weigh(parts) == value
    assert sum(WEIGHTS.values()) == pytest.approx(1)


def test_a_machine_that_cannot_load_4_bit_is_no_way_to_more():
    """A PC without GPU has more memory than a 6 GB card, but no model for these data:
    what it would change could not be said, and the request failed."""
    shape = {
        "tokens_p50": 900, "tokens_p95": 1800, "tokens_p99": 1800, "tool_examples": 9
    }  # fmt: skip
    six, pc = (Wishes(gpu=parse_gpu(name)) for name in ("6", "cpu"))
    with pytest.raises(InvalidInput, match="No model of the catalog can work"):
        rank(CATALOG, need(Target.BROWSER, pc, **shape))

    found = rank(CATALOG, need(Target.BROWSER, six, **shape))

    assert found.candidates
    assert not any("gpu cpu" in text for text in found.would_change_if)


def test_a_pc_without_gpu_is_no_larger_gpu():
    """It has more memory, and was offered as the way to another model."""
    two = Wishes(gpu=parse_gpu("2"))

    found = rank(CATALOG, need(Target.CLOUD, two))

    assert any("gpu" in text for text in found.would_change_if)
    assert not any("gpu cpu" in text for text in found.would_change_if)
