"""What the recommender says is held to what was measured."""

from dataclasses import replace

import pytest

from benchmarks.recommender import evaluate, evaluation, evidence
from recommender.core.ranking import model_quality
from recommender.services import CATALOG_PATH
from tests.conftest import REPO
from tests.recommender.test_recommender import CATALOG

FOLDER = REPO / "tests" / "data" / "evidence"
EVIDENCE = evidence.read_evidence(FOLDER)


@pytest.mark.parametrize(("in_4bit", "count"), [(True, 22), (False, 12)])
def test_allocated_memory_is_known_to_a_few_percent(in_4bit, count):
    found = evaluation.memory_errors(EVIDENCE.runs, in_4bit=in_4bit)

    assert found.count == count
    assert found.median <= 0.02
    assert abs(found.worst) <= 0.05


def test_process_memory_is_never_below_what_was_measured():
    assert evaluation.process_errors(EVIDENCE.runs)[0] >= 0


LIMITS = {"4-bit, 1B and more": 1.5, "16-bit, 1B and more": 1.5, "below 1B": 2.5}


@pytest.mark.parametrize("text", LIMITS)
def test_speeds_are_known_to_a_factor(text):
    found = evaluation.speed_factors(EVIDENCE.runs, evaluation.SPEEDS[text])

    assert found.count >= 6
    assert found.worst <= LIMITS[text]


def test_parameter_counts_are_exact():
    known = {model.slug for model in CATALOG.models} & set(EVIDENCE.counts)

    uncounted = {model.slug for model in CATALOG.models} - known
    # Published files of Gemma 4 hold weights that its class does not have; the others
    # have the class and the numbers of a model that is counted.
    assert uncounted == {
        "gemma-4-e2b", "gemma-4-e4b", "lfm2.5-350m", "lfm2.5-2.6b",
        "phi-4-mini-reasoning", "qwen2.5-coder-1.5b",
    }  # fmt: skip
    assert evaluation.wrong_counts(CATALOG, EVIDENCE.counts) == {}


def test_a_wrong_count_is_found():
    first, *others = CATALOG.models
    wrong = replace(first.parameters, total=first.parameters.total + 7)
    changed = replace(CATALOG, models=(replace(first, parameters=wrong), *others))

    assert evaluation.wrong_counts(changed, EVIDENCE.counts) == {first.slug: 7}


def test_sizes_of_4_bit_files_are_near_the_published_ones():
    found = evaluation.q4_errors(EVIDENCE.files)

    assert (found.count, found.median <= 0.02) == (12, True)
    assert abs(found.worst) <= 0.20


def test_models_are_ordered_better_than_by_size_without_their_own_places():
    placed = EVIDENCE.placed
    by_size = evaluation.agreement(placed, evaluation.parameter_scores(placed))
    expected = evaluation.expected_scores(placed, left_out=evaluation.itself)
    by_us = evaluation.agreement(placed, expected)

    assert (by_size.pairs, round(by_size.gamma, 2)) == (56, 0.54)
    assert by_us.gamma > by_size.gamma


def test_an_order_is_judged_by_its_pairs():
    placed = EVIDENCE.placed
    right = {entry.model.slug: -entry.tier for entry in placed}
    wrong = {slug: -score for slug, score in right.items()}

    assert evaluation.agreement(placed, right).gamma == 1
    assert evaluation.agreement(placed, wrong).gamma == -1


def test_choosing_by_what_is_best_elsewhere_loses_little():
    ours = evaluation.regret(EVIDENCE.tuned, task_weight=evaluation.own_task_weight())
    heavy = evaluation.regret(EVIDENCE.tuned, task_weight=0.5)

    assert ours.one <= 0.020
    assert ours.three <= 0.007
    assert heavy.one > ours.one
    assert evaluation.random_regret(EVIDENCE.tuned) == pytest.approx(0.071, abs=0.0005)


def test_a_measurement_weighs_more_the_surer_it_is():
    line = model_quality.catalog_line(CATALOG)
    model = CATALOG.get("qwen3-8b")
    vague = replace(model.evidence, tuned_rank_interval=9.0)

    sure, unsure = (
        model_quality.quality(replace(model, evidence=found), line)
        for found in (model.evidence, vague)
    )
    nothing = model_quality.quality(replace(model, evidence=evidence_free(model)), line)

    assert abs(sure.value - nothing.value) > abs(unsure.value - nothing.value)
    assert sure.half_width < unsure.half_width < nothing.half_width


def evidence_free(model):
    return replace(
        model.evidence,
        tuned_place=None, tuned_place_from=None, tuned_average_rank=None,
    )  # fmt: skip


def test_the_documents_hold_what_the_command_prints(capsys):
    evaluate.main(FOLDER)

    printed = capsys.readouterr().out.strip()
    assert printed in (REPO / "docs/recommender.md").read_text(encoding="utf-8")


def test_a_folder_without_evidence_is_refused_by_name():
    with pytest.raises(SystemExit, match=r"holds no vram_t4_measured\.csv"):
        evaluate.main(CATALOG_PATH.parent)
