import json
import re
from datetime import timedelta

import pytest
from asgiref.sync import async_to_sync
from django.test import AsyncClient
from django.utils import timezone

from datasets.models import Dataset, Kind
from datasets.work.engine import enqueue, work_once
from notebooks.generation import NotebookFault
from notebooks.models import Notebook
from notebooks.services import generate_notebook
from recommender.services import catalog
from slmgen.http.streaming import Download
from slmgen.storage import local
from tests.factories import make_dataset, make_lines

pytestmark = pytest.mark.django_db


def generate(client, dataset, **body):
    body = {"session_id": str(dataset.id), **body}
    return client.post("/generate", json.dumps(body), "application/json")


def test_the_model_defaults_to_the_best_recommendation(client):
    dataset = make_dataset()
    need = {"task_type": "qa", "deployment_target": "mobile"}
    found = client.post(
        "/recommend",
        json.dumps({"session_id": str(dataset.id), **need}),
        "application/json",
    ).json()

    generate(client, dataset)

    best = found["recommendations"][0]["model_id"]
    assert Notebook.objects.get().model_id == best


def test_every_notebook_has_an_address_of_its_own(client):
    dataset = make_dataset()

    first, second = (generate(client, dataset).json() for _ in range(2))

    assert first["download_url"] != second["download_url"]
    assert client.get(first["download_url"]).content == (
        client.get(second["download_url"]).content
    )


def test_null_stands_for_a_default(client):
    response = generate(client, make_dataset(), model_id=None, training_config=None)

    assert response.status_code == 200


def test_a_notebook_that_fails_its_lint_is_never_handed_out(monkeypatch, files):
    dataset = make_dataset()
    monkeypatch.setattr("notebooks.generation.lint", lambda *_: ["cell 3: broken"])

    with pytest.raises(NotebookFault, match="cell 3: broken"):
        generate_notebook(
            dataset, models=[catalog().get("qwen3-0.6b")], training_config=None
        )

    assert Notebook.objects.count() == 0
    assert not list(files.rglob("*.ipynb"))


def test_a_failing_database_leaves_no_notebook(client, monkeypatch, files):
    def fail(*args, **kwargs):
        raise OSError(28, "No space left on device")

    dataset = make_dataset()
    monkeypatch.setattr(Notebook, "save", fail)

    assert generate(client, dataset).status_code == 507
    assert not list(files.rglob("*.ipynb"))


def test_a_full_disk_leaves_no_part_of_a_file(client, monkeypatch, files):
    dataset = make_dataset()

    def fail(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(local.os, "fsync", fail)

    assert generate(client, dataset).status_code == 507
    assert not [p for p in files.rglob("*") if p.suffix in {".part", ".ipynb"}]


def test_a_plan_shows_every_setting_before_anything_is_made(client):
    dataset = make_dataset()
    body = {
        "session_id": str(dataset.id), "model_id": "qwen3-0.6b",
        "training_config": {"preset": "quality", "batch_size": 2},
    }  # fmt: skip

    found = client.post("/plan", json.dumps(body), "application/json").json()

    values = {setting["name"]: setting["value"] for setting in found["settings"]}
    assert (found["model_id"], found["train_examples"]) == ("qwen3-0.6b", 54)
    assert (values["preset"], values["batch_size"]) == ("quality", 2)
    assert values["gradient_accumulation_steps"] == 4
    assert found["settings"][0]["range"] == "one of balanced, fast, quality"
    assert all(setting["help"] for setting in found["settings"])
    assert found["memory_gib"][0] <= found["memory_gib"][1]
    assert Notebook.objects.count() == 0
    generate(client, dataset, **{k: body[k] for k in ("model_id", "training_config")})
    assert Notebook.objects.get().training_config == values


def test_a_senseless_plan_is_refused(client):
    body = {"session_id": str(make_dataset().id), "training_config": {"seed": -1}}

    response = client.post("/plan", json.dumps(body), "application/json")

    assert response.status_code == 400
    assert (
        "training_config.seed is -1; expected a whole number"
        in response.content.decode()
    )


def data_url(client, dataset, settings):
    settings.SLMGEN_NOTEBOOK_EMBED_MB = 0
    made = generate(client, dataset).json()
    content = client.get(made["download_url"]).content.decode()
    return re.search(r"http://testserver(/data/[^\\\"']*)", content)[1]


async def served(url):
    """The pieces as a server gets them, which would be one if all were read first."""
    response = await AsyncClient().get(url)
    return [part async for part in response]


def test_a_notebook_s_link_leads_to_its_data_alone(client, owner, settings):
    content = make_lines(6000)
    dataset = make_dataset(content)
    url = data_url(client, dataset, settings)

    response = client.get(url)

    assert response.status_code == 200
    assert b"".join(response.streaming_content) == content
    pieces = async_to_sync(served)(url)
    assert b"".join(pieces) == content
    assert len(pieces) == 1 + len(content) // Download.block_size > 1
    assert response["Content-Disposition"] == 'attachment; filename="examples.jsonl"'
    assert data_url(client, dataset, settings) == url
    for broken in (url[:-1], url.replace(str(dataset.id), str(make_dataset().id))):
        assert client.get(broken).status_code == 404


def test_a_notebook_s_link_ends(client, settings):
    dataset = make_dataset()
    Dataset.objects.filter(pk=dataset.pk).update(
        created_at=timezone.now() - timedelta(days=31)
    )
    url = data_url(client, dataset, settings)

    assert client.get(url).json() == {
        "detail": "This link is not valid any more; generate the notebook again."
    }


def test_a_link_to_deleted_data_is_gone(client, settings):
    dataset = make_dataset()
    url = data_url(client, dataset, settings)
    Dataset.objects.all().delete()

    assert client.get(url).status_code == 404


def test_several_models_are_compared_in_one_notebook(client, owner):
    dataset = make_dataset()
    slugs = ["qwen3-0.6b", "llama-3.2-1b", "gemma-3-270m"]

    made = generate(client, dataset, model_ids=slugs, gpu="l4").json()

    notebook = Notebook.objects.get()
    assert notebook.candidates == slugs
    assert [figures["gpu"] for figures in notebook.figures] == ["l4"] * 3
    assert "slmgen-3-models-" in made["download_url"]
    content = client.get(made["download_url"]).content.decode()
    for slug in slugs:
        assert content.count(f"MODEL_ID = '{catalog().get(slug).unsloth_id}'") == 1
    assert notebook.training_config["preset"] == "fast"


REFUSED_MODELS = {
    "Send model_id or model_ids, not both.": {
        "model_id": "qwen3-0.6b", "model_ids": ["qwen3-0.6b", "qwen3-1.7b"]},
    "expected 2 to 3 models": {"model_ids": [
        "qwen3-0.6b", "qwen3-1.7b", "llama-3.2-1b", "gemma-3-270m"]},
    "names a model twice": {"model_ids": ["qwen3-0.6b", "Qwen/Qwen3-0.6B"]},
    "model_id is 'x'; expected one of": {"model_ids": ["qwen3-0.6b", "x"]},
    "model_ids": {"model_ids": []},
}  # fmt: skip


@pytest.mark.parametrize("sentence", REFUSED_MODELS)
def test_models_that_cannot_be_compared_are_refused(client, sentence):
    response = generate(client, make_dataset(), **REFUSED_MODELS[sentence])

    assert response.status_code == 400
    assert sentence in response.json()["detail"]
    assert Notebook.objects.count() == 0


def test_few_examples_are_not_enough_to_compare_with(client):
    dataset = make_dataset(make_lines(12))

    response = generate(client, dataset, model_ids=["qwen3-0.6b", "qwen3-1.7b"])

    assert response.json()["detail"] == (
        "Comparing models takes at least 20 examples; this dataset has 12. Choose one "
        "with model_id."
    )


def test_one_model_in_a_list_is_an_ordinary_notebook(client):
    generate(client, make_dataset(), model_ids=["qwen3-1.7b"])

    notebook = Notebook.objects.get()
    assert (notebook.model_id, notebook.candidates) == ("qwen3-1.7b", [])


def test_a_plan_takes_one_model(client):
    body = {"session_id": str(make_dataset().id),
            "model_ids": ["qwen3-0.6b", "qwen3-1.7b"]}  # fmt: skip

    response = client.post("/plan", json.dumps(body), "application/json")

    assert response.json() == {
        "detail": "/plan looks at one model; send it as model_id."
    }


def settings_for(client, dataset, gpu, slug="qwen3-8b"):
    body = {"session_id": str(dataset.id), "model_id": slug, "gpu": gpu}
    found = client.post("/plan", json.dumps(body), "application/json").json()
    values = {setting["name"]: setting["value"] for setting in found["settings"]}
    return found, values


def test_a_plan_is_made_for_a_gpu_and_names_it(client):
    dataset = make_dataset()

    free, _ = settings_for(client, dataset, None)
    large, on_large = settings_for(client, dataset, "a100")
    machine, on_machine = settings_for(client, dataset, "cpu", "smollm2-135m")

    assert (free["gpu"], free["backend"]) == ("t4", "unsloth")
    assert (large["gpu"], large["fits"]) == ("a100", True)
    assert large["minutes"][1] < free["minutes"][1]
    assert on_large["quantization"] == "4bit"
    assert (machine["backend"], on_machine["quantization"]) == ("trl", "16bit")
    assert machine["unsloth_gib"] is machine["dollars"] is None


def test_a_model_that_fits_no_way_is_planned_and_said_not_to_fit(client):
    found, values = settings_for(client, make_dataset(), "4")

    assert (found["fits"], values["batch_size"]) == (False, 1)
    assert found["memory_gib"][1] > 4


@pytest.mark.parametrize("path", ["/plan", "/generate"])
def test_an_unknown_gpu_is_refused_with_those_that_are_known(client, path):
    body = {"session_id": str(make_dataset().id), "gpu": "abacus"}

    response = client.post(path, json.dumps(body), "application/json")

    assert response.status_code == 400
    assert "gpu is 'abacus'; expected one of t4, l4" in response.json()["detail"]
    assert Notebook.objects.count() == 0


def test_a_notebook_is_made_for_the_gpu_that_is_named(client):
    generate(client, make_dataset(), model_id="qwen3-0.6b", gpu="l4")

    notebook = Notebook.objects.get()
    content = json.loads(client.get(notebook.download_url).content)
    assert notebook.gpu == "l4"
    assert content["metadata"]["colab"]["gpuType"] == "L4"
    assert "Time on an L4" in "".join(content["cells"][0]["source"])


@pytest.mark.parametrize(("asked", "planned_for"), [({"gpu": "l4"}, "l4"), ({}, "t4")])
def test_a_worker_makes_the_notebook_for_the_gpu_that_was_asked_for(
    client, settings, asked, planned_for
):
    settings.SLMGEN_INLINE_ANALYSIS_BYTES = 0
    dataset = make_dataset()
    enqueue(dataset, Kind.ANALYSIS)
    assert work_once()

    first = generate(client, dataset, model_id="qwen3-0.6b", **asked)
    assert work_once()
    second = generate(client, dataset, model_id="qwen3-0.6b", **asked)

    assert (first.status_code, second.status_code) == (202, 200)
    assert [notebook.gpu for notebook in Notebook.objects.all()] == [planned_for]


def test_what_waits_since_before_a_gpu_could_be_named_is_made_for_the_free_one(
    client, settings
):
    settings.SLMGEN_INLINE_ANALYSIS_BYTES = 0
    dataset = make_dataset()
    enqueue(dataset, Kind.ANALYSIS)
    assert work_once()
    payload = {"models": ["qwen3-0.6b"], "config": {}, "server": "", "user": None}
    enqueue(dataset, "notebook", payload)

    assert work_once()

    assert Notebook.objects.get().gpu == "t4"
