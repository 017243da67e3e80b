"""Every face says the same of one training: it is computed in one place."""

import html
import json
import re
from dataclasses import asdict, replace
from functools import cache
from itertools import product

import nbformat
import pytest

from benchmarks.recommender import evaluation
from jobs.models import Job
from notebooks.core.building.build import build, escaped
from notebooks.core.building.embed import embed
from notebooks.core.planning.plan import bake_off, plan
from notebooks.core.planning.preflight import preflight
from notebooks.generation import cells
from notebooks.models import Notebook
from recommender.core.catalog.catalog import Target, Task
from recommender.core.catalog.gpus import GPUS, parse_gpu
from recommender.core.estimates import memory
from recommender.core.estimates.training import (
    SetupChoices,
    TrainingSetup,
    best_setup,
    default_backend,
    estimate,
)
from recommender.core.estimates.wording import (
    dollars_words,
    figures_of,
    gib_words,
    minutes_words,
    words_of,
)
from recommender.core.needs.known_data import KnownData, KnownInsights
from recommender.core.needs.needs import Need, Wishes
from recommender.core.presentation.cards import cards
from recommender.core.ranking.ranking import Ranking, rank
from recommender.core.ranking.trace import trace
from tests.benchmarks.test_recommender_evaluation import EVIDENCE
from tests.factories import jsonl, make_conversation, make_dataset
from tests.notebooks.made import DATA, FACTS
from tests.recommender.test_recommender import CATALOG, make_data, make_profile

KNOWN = {
    "ordinary": make_data(total_tokens=225_000),
    "few": make_data(total_examples=60, total_tokens=9_000),
    "many": make_data(total_examples=200_000, total_tokens=30_000_000),
    "long": make_data(tokens_p50=1500, tokens_p95=2500, tokens_p99=3000,
                      tokens_max=9000, total_tokens=2_400_000),
    "counted Arabic": KnownData(
        make_profile(scripts={"arabic": 1.0}),
        KnownInsights({"ar": 1.0}, {"qwen3": 1.31, "cl100k": 2.02, "qwen3.5": 1.1}),
    ),
}  # fmt: skip
CARDS = [*GPUS, "16"]
INTRODUCTION = [cell for cell in cells() if "intro" in cell.tags]
CASES = list(product(KNOWN, CARDS, ("unsloth", "trl")))


def plans(known, card, **config):
    gpu = parse_gpu(card)
    return {
        model.slug: plan(model, KNOWN[known], config, gpu) for model in CATALOG.models
    }


@cache
def ranking(known, card):
    """None where nothing can work."""
    data = KNOWN[known]
    wishes = Wishes(gpu=parse_gpu(card), commercial_use=False)
    need = Need(data.profile, Task.QA, Target.CLOUD, wishes, data.insights)
    found = rank(CATALOG, need) if candidates_of(need) else Ranking((), ())
    return found, need


def candidates_of(need):
    return [
        model for model in CATALOG.models
        if best_setup(model, need.data, need.wishes.gpu)
    ]  # fmt: skip


def as_json(figures):
    return json.loads(json.dumps(asdict(figures)))


def introduction(training):
    content = build(INTRODUCTION, [training], FACTS, embed(DATA, max_bytes=10**7))
    return nbformat.reads(content.decode(), 4).cells[0].source


def test_more_than_500_cases_are_tried():
    assert len(CASES) * len(CATALOG.models) > 2_000


@pytest.mark.parametrize(("known", "card", "backend"), CASES)
def test_plan_page_and_notebook_say_the_same(known, card, backend):
    for training in plans(known, card, backend=backend).values():
        said = words_of(training.figures)

        assert said == preflight(training, rows_cut=0, data_inside=True).training
        text = introduction(training)
        for part in (said.fit, said.memory, said.time, said.cost, said.extent):
            assert escaped(part) in text
        assert words_of(figures_of(as_json(training.figures))) == said


@pytest.mark.parametrize(("known", "card"), list(product(KNOWN, CARDS)))
def test_a_ranking_says_what_the_plan_without_choices_says(known, card):
    found, need = ranking(known, card)
    expected = plans(known, card)

    for entry in found.candidates:
        figures = expected[entry.model.slug].figures
        said = words_of(figures)
        assert entry.training.figures == figures
        assert figures.fits
        (reason,) = [r for r in entry.reasons if r.startswith("p95 of your ")]
        assert f"trains in {said.memory} of {said.gpu}'s " in reason
        assert f"; {said.extent} take {said.time}" in reason
    for card_shown in cards(found):
        assert card_shown.training == words_of(expected[card_shown.model.slug].figures)
    for row in trace(CATALOG, need, found)["candidates"]:
        figures = expected[row["model_id"]].figures
        told, shared = row["training"], as_json(figures)
        assert {k: v for k, v in told.items() if k in shared} == {
            k: v for k, v in shared.items() if not k.startswith("gpu")
        }
        settings = expected[row["model_id"]].settings
        names = ("batch_size", "max_seq_length", "quantization", "lora_rank")
        assert [told[name] for name in names] == [settings[name] for name in names]


@pytest.mark.parametrize(("known", "card"), list(product(KNOWN, CARDS)))
def test_what_is_left_out_for_its_memory_does_not_fit_in_its_plan(known, card):
    found, _ = ranking(known, card)
    expected = plans(known, card)

    for entry in found.excluded:
        figures = expected[entry.model.slug].figures
        said = [f for f in entry.violations if f.rule == "H1 training memory"]
        assert figures.fits is not bool(said)
        assert all(
            f.reason.startswith(f"training takes {gib_words(figures.memory_gib)} (")
            for f in said
        )


def test_the_gpu_decides_batch_length_and_precision():
    model, data = CATALOG.get("qwen3-4b-instruct-2507"), KNOWN["long"]

    chosen = {
        card: plan(model, data, {}, parse_gpu(card)).settings
        for card in ("t4", "a100", "rtx-3060")
    }
    small = plan(CATALOG.get("qwen3-1.7b"), KNOWN["ordinary"], {}, GPUS["cpu"])

    shown = {
        card: (s["batch_size"], s["max_seq_length"], s["quantization"])
        for card, s in chosen.items()
    }
    assert shown == {
        "t4": (1, 3648, "4bit"),
        "a100": (2, 3648, "4bit"),
        "rtx-3060": (1, 3648, "4bit"),
    }
    assert (small.settings["quantization"], small.backend) == ("16bit", "trl")


def test_what_is_chosen_is_kept_and_the_rest_fitted_to_it():
    model, data = CATALOG.get("qwen3-8b"), KNOWN["ordinary"]

    alone = plan(model, data, {"batch_size": 1}).settings
    wide = plan(model, data, {"batch_size": 4}).figures

    assert alone["batch_size"] == 1
    assert plan(model, data, {}).settings["batch_size"] == 2
    assert not wide.fits
    assert wide.memory_gib[1] > GPUS["t4"].usable_gib


def test_candidates_of_a_comparison_are_planned_alike():
    models = [CATALOG.get(slug) for slug in ("qwen3-1.7b", "mistral-7b")]
    data, gpu = KNOWN["ordinary"], GPUS["l4"]
    part = replace(data, profile=replace(data.profile, total_examples=460))

    compared = bake_off(models, data, {}, gpu)

    assert [plan.figures for plan in compared] == [
        estimate(model, part, gpu, SetupChoices(preset="fast")).figures
        for model in models
    ]


def test_every_measured_process_lies_in_the_range_of_memory():
    for run in EVIDENCE.runs:
        allocated = evaluation.allocated(run)
        measured = run.process_mib / 1024

        assert memory.least_process_gib(allocated) <= measured
        assert measured <= memory.process_gib(allocated)


def test_a_gpu_without_4_bit_is_planned_for_in_16_bit_by_another_library():
    assert default_backend(GPUS["cpu"]) == "trl"
    assert default_backend(GPUS["t4"]) == "unsloth"


def test_what_is_shown_never_contradicts_what_fits():
    """14.72 GiB would be shown as 14.7 and not fit 14.7."""
    model = CATALOG.get("qwen3-4b-instruct-2507")
    setups = [
        TrainingSetup(model, "unsloth", True, 1, length, 16)
        for length in range(256, 4097, 64)
    ]

    for setup, gpu in product(setups, GPUS.values()):
        assert setup.fits(gpu) is (setup.gib_range[1] <= gpu.usable_gib)
        assert setup.gib <= setup.gib_range[1] < setup.gib + 0.1


WORDS = [
    (minutes_words, (1, 1), "about 1 minute"),
    (minutes_words, (6, 18), "6 to 18 minutes"),
    (minutes_words, (1, 119), "1 to 119 minutes"),
    (minutes_words, (47, 156), "47 minutes to 3 hours"),
    (minutes_words, (130, 400), "2 to 7 hours"),
    (minutes_words, (121, 180), "2 to 3 hours"),
    (gib_words, (9.0, 10.6), "9.0 to 10.6 GiB"),
    (gib_words, (9.0, 9.0), "about 9.0 GiB"),
    (dollars_words, (0.01, 0.4), "USD 0.01 to 0.40"),
    (dollars_words, (0.01, 0.01), "about USD 0.01"),
]


@pytest.mark.parametrize(("words", "span", "said"), WORDS)
def test_figures_are_put_into_words_once(words, span, said):
    assert words(span) == said


def test_epochs_or_steps_say_what_the_time_is_of():
    model, data = CATALOG.get("qwen3-1.7b"), KNOWN["ordinary"]

    said = [
        words_of(plan(model, data, config).figures).extent
        for config in ({}, {"num_epochs": 1}, {"max_steps": 7}, {"max_steps": 1})
    ]

    assert said == ["2 epochs (338 steps)", "1 epoch (169 steps)", "7 steps", "1 step"]


def plain(answer):
    """The text of a page, its markup left out."""
    text = re.sub(r"<[^>]*>", " ", answer.content.decode())
    return " ".join(html.unescape(text).split())


def ask(client, path, **body):
    answer = client.post(path, json.dumps(body), "application/json")
    assert answer.status_code == 200, answer.content
    return answer.json()


@pytest.mark.django_db
@pytest.mark.parametrize("card", ["t4", "l4", "rtx-3060", "cpu", "24 GB"])
def test_every_page_and_answer_agrees(client, owner, card):
    client.force_login(owner)  # on pages; the API knows no session
    rows = [
        make_conversation(f"How do you say {n} in words? " * (n % 30 + 1), "So. " * n)
        for n in range(240)
    ]
    dataset = make_dataset(jsonl(rows))
    need = {"session_id": str(dataset.id), "gpu": card}
    place = {"task_type": "qa", "deployment_target": "desktop"}
    explained = ask(client, "/recommend/explain", **need, **place)["candidates"][:4]
    ranked = client.get(
        f"/app/datasets/{dataset.id}/model/",
        {"task": "qa", "target": "desktop", "gpu": card},
    ).content.decode()
    name = parse_gpu(card).name

    assert len(explained) == 4
    for row in explained:
        slug = row["model_id"]
        planned = ask(client, "/plan", model_id=slug, **need)
        settings = {entry["name"]: entry["value"] for entry in planned["settings"]}
        said = [
            gib_words(planned["memory_gib"]), minutes_words(planned["minutes"])
        ]  # fmt: skip
        said += [dollars_words(planned["dollars"])] if planned["dollars"] else []

        assert (planned["gpu"], planned["backend"]) == (name, settings["backend"])
        for key in ("memory_gib", "unsloth_gib", "minutes", "dollars", "steps", "fits"):
            assert row["training"][key] == planned[key]
        for key in ("batch_size", "max_seq_length", "quantization"):
            assert row["training"][key] == settings[key]
        (article,) = re.findall(
            rf'<article class="card" aria-labelledby="{slug}">.*?</article>',
            ranked, re.DOTALL,
        )  # fmt: skip
        address = f"/app/datasets/{dataset.id}/training/"
        shown = client.get(address, {"model": slug, "gpu": card})
        client.post(address, {"model": slug, "gpu": card})
        notebook = Notebook.objects.first()
        content = json.loads(client.get(notebook.download_url).content)
        first = "".join(content["cells"][0]["source"])
        page = client.get(f"/app/notebooks/{notebook.id}/")
        job = client.get(f"/app/jobs/{Job.objects.get(notebook=notebook).id}/")
        for part in said:
            assert part in html.unescape(article)
            assert part in plain(shown)
            assert escaped(part) in first
            assert part in plain(page)
            assert part in plain(job)
        assert notebook.training_config == settings
        assert notebook.gpu == name
