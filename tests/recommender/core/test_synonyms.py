"""Names of tasks, places and GPUs are read as people write them."""

import pytest

from recommender.core.catalog.catalog import TARGETS, TASKS, Target, Task, parse_task
from recommender.core.catalog.gpus import (
    GPUS,
    HELP,
    KNOWN,
    MEMORY_GB,
    parse_gpu,
    read_gpu,
)
from recommender.models import Recommendation
from recommender.services import catalog, replay
from slmgen.errors import InvalidInput
from tests.conftest import REPO
from tests.factories import make_dataset

SAME = {
    "question-answering": Task.QA, "summarisation": Task.SUMMARIZATION,
    "text_classification": Task.CLASSIFICATION, "creative_writing": Task.GENERATION,
    "chat": Task.CONVERSATION, "classify": Task.CLASSIFICATION,
    "code": Task.CODE_GENERATION,
}  # fmt: skip
NEAREST = {
    "function_calling": Task.CONVERSATION, "tool_use": Task.CONVERSATION,
    "reasoning": Task.QA, "roleplay": Task.CONVERSATION, "rag": Task.QA,
    "translation": Task.GENERATION, "summarizaton": Task.SUMMARIZATION,
}  # fmt: skip
PLACES = {
    "laptop": Target.DESKTOP, "pc": Target.DESKTOP, "phone": Target.MOBILE,
    "android": Target.MOBILE, "ios": Target.MOBILE, "raspberry_pi": Target.EDGE,
    "single_board": Target.EDGE, "web": Target.BROWSER, "webgpu": Target.BROWSER,
}  # fmt: skip


def spellings(name):
    return [
        name, name.upper(), name.title(), name.replace("_", "-"),
        name.replace("_", " "), name.replace("_", ""), f" {name} ",
    ]  # fmt: skip


@pytest.mark.parametrize("name", [*Task, *SAME])
def test_a_task_is_known_by_its_names_in_any_spelling(name):
    wanted = SAME.get(name) or Task(name)

    for spelling in spellings(name):
        assert TASKS.read(spelling).value is wanted
        assert TASKS.read(spelling).remark == ""


@pytest.mark.parametrize("name", [*Target, *PLACES])
def test_a_place_is_known_by_its_names_in_any_spelling(name):
    wanted = PLACES.get(name) or Target(name)

    for spelling in spellings(name):
        assert TARGETS.read(spelling).value is wanted
        assert TARGETS.read(spelling).remark == ""


@pytest.mark.parametrize("name", NEAREST)
def test_what_no_name_fits_is_read_as_the_nearest_and_said_to_be(name):
    for spelling in spellings(name):
        found = TASKS.read(spelling)

        assert found.value is NEAREST[name]
        assert found.remark == (
            f"task_type {spelling!r} is not a supported value: the nearest one, "
            f"{NEAREST[name]}, was used"
        )


REFUSED = [
    (TASKS.read, "qaa", "task_type is 'qaa'; expected one of instruction_following, "
                        "conversation, qa, classification, extraction, generation, "
                        "summarization, code_generation; did you mean 'qa'?"),
    (TARGETS.read, "moon", "deployment_target is 'moon'; expected one of cloud, "
                           "server, desktop, edge, mobile, browser."),
    (read_gpu, "abacus", "gpu is 'abacus'; expected one of t4, l4, a100, h100, "
                         "rtx-4090, rtx-3060, cpu, or its memory in GB from 1 to "
                         "1024, such as 16."),
    (read_gpu, "T4 80GB", "such as 16; did you mean 't4-16gb'?"),
]  # fmt: skip


@pytest.mark.parametrize(("read", "name", "sentence"), REFUSED)
def test_what_fits_nothing_is_refused_with_the_list_and_the_nearest(
    read, name, sentence
):
    with pytest.raises(InvalidInput) as error:
        read(name)

    assert error.value.detail.endswith(sentence)


@pytest.mark.parametrize("names", [TASKS, TARGETS], ids=lambda names: names.field)
def test_no_name_stands_for_two_things(names):
    all_names = [*names.synonyms, *names.near]
    all_names += [name for others in names.synonyms.values() for name in others]

    keys = [name.replace("_", "") for name in all_names]
    assert len(set(keys)) == len(keys)


CARDS = {
    "t4": ["T4", "nvidia-t4", "Tesla T4", "NVIDIA Tesla T4", "T4 16GB", "colab",
           "Kaggle"],
    "rtx-4090": ["RTX 4090", "rtx4090", "4090", "NVIDIA GeForce RTX 4090",
                 "rtx_4090", "RTX 4090 24 GB"],
    "a100": ["A100", "a100-40gb", "NVIDIA A100-SXM4-40GB"],
    "a100-80gb": ["A100 80GB", "NVIDIA A100-SXM4-80GB", "NVIDIA A100 80GB PCIe"],
    "h100": ["H100", "NVIDIA H100 80GB HBM3"],
    "rtx-3060-8gb": ["RTX 3060 8 GB"],
    "16": ["16 GB", "16gb", "16-GB", "16_gb", "16GiB", "16", "16.0"],
    "12.5": ["12.5 GB"],
    "cpu": ["CPU", "no GPU", "none"],
}  # fmt: skip


@pytest.mark.parametrize("name", CARDS)
def test_a_gpu_is_known_by_its_names_in_any_spelling(name):
    for spelling in CARDS[name]:
        found = read_gpu(spelling)

        assert found.value.name == name
        assert found.remark == ""


def test_a_larger_card_of_a_kind_has_its_memory():
    usual, large = parse_gpu("a100"), parse_gpu("A100 80GB")

    assert large.usable_gib == 2 * usual.usable_gib
    assert (large.label, large.speed) == ("an 80 GB A100", usual.speed)


@pytest.mark.parametrize(
    ("value", "label", "title"),
    [
        ("16", "a 16 GB GPU", "16 GB GPU"),
        ("80", "an 80 GB GPU", "80 GB GPU"),
        ("11.5", "an 11.5 GB GPU", "11.5 GB GPU"),
        ("rtx-3060-8gb", "an 8 GB RTX 3060", "8 GB RTX 3060"),
        ("t4", "a free T4", "Free T4"),
        ("cpu", "a PC with 16 GB and no GPU", "PC with 16 GB and no GPU"),
    ],
)
def test_a_gpu_is_named_in_a_sentence_and_alone(value, label, title):
    gpu = parse_gpu(value)

    assert (gpu.label, gpu.title) == (label, title)


def test_a_card_of_which_only_the_memory_is_known_is_read_as_that_and_said_to_be():
    found = read_gpu("Tesla V100-SXM2-16GB")

    assert found.value == parse_gpu("16")
    assert found.remark == "gpu v100: only its memory is known, so 16 GB was used"


def test_a_gpu_s_own_name_is_read_as_itself():
    for name in KNOWN:
        gpu = parse_gpu(name)

        assert parse_gpu(gpu.name) == gpu
    assert all(parse_gpu(name) is gpu for name, gpu in GPUS.items())


def ask(client, path="/recommend", **changes):
    need = {"task_type": "qa", "deployment_target": "edge", **changes}
    body = {"session_id": str(make_dataset().id), **need}
    return client.post(path, body, "application/json")


@pytest.mark.django_db
def test_a_recommendation_says_what_was_read_as_the_nearest(client):
    near = {"task_type": "Reasoning", "gpu": "V100"}

    found = ask(client, **near).json()["recommendations"]
    need = ask(client, "/recommend/explain", **near).json()["need"]

    said = [
        "task_type 'Reasoning' is not a supported value: the nearest one, qa, was used",
        "gpu v100: only its memory is known, so 16 GB was used",
    ]
    assert [reason for reason in found[0]["reasons"] if reason in said] == said
    assert (need["task_type"], need["assumptions"]) == ("qa", said)


@pytest.mark.django_db
def test_a_known_name_needs_no_remark(client):
    same = {"task_type": "Question Answering", "deployment_target": "Raspberry-Pi",
            "gpu": "Tesla T4"}  # fmt: skip

    other, usual = (
        ask(client, **need).json()["recommendations"] for need in (same, {"gpu": "t4"})
    )

    assert other == usual
    stored = Recommendation.objects.latest("created_at")
    assert (stored.task, stored.target) == ("qa", "edge")
    assert stored.trace["need"]["assumptions"] == []


@pytest.mark.django_db
def test_a_remark_is_replayed_and_a_trace_without_any_can_be(client):
    ask(client, task_type="rag")
    stored = Recommendation.objects.get()

    again = replay(stored)
    del stored.trace["need"]["assumptions"]
    older = replay(stored)

    assert again["candidates"] == Recommendation.objects.get().trace["candidates"]
    assert older["need"]["task_type"] == "qa"


@pytest.mark.django_db
def test_the_page_s_address_takes_the_same_names(client):
    address = f"/app/datasets/{make_dataset().id}/model/"

    shown = client.get(f"{address}?task=roleplay&target=Laptop").content.decode()

    assert 'value="conversation" checked' in shown
    assert 'value="desktop" checked' in shown
    assert "the nearest one, conversation, was used" in shown
    assert "deployment_target" not in shown


@pytest.mark.django_db
def test_a_job_is_kept_by_our_names(client, owner):
    token = client.post(
        "/auth/token", {"username": "owner", "password": "owner-password"},
        "application/json",
    ).json()["access_token"]  # fmt: skip
    body = {"session_id": str(make_dataset(owner=owner).id),
            "task_type": "Tool use", "deployment_target": "iOS"}  # fmt: skip

    made = client.post(
        "/jobs", body, "application/json", HTTP_AUTHORIZATION=f"Bearer {token}"
    ).json()

    assert (made["task_type"], made["deployment_target"]) == ("conversation", "mobile")


@pytest.mark.django_db
@pytest.mark.parametrize("field", ["task_type", "deployment_target", "gpu"])
def test_a_missing_or_unknown_name_is_refused_with_the_list(client, field):
    listed = {"task_type": "code_generation", "deployment_target": "browser",
              "gpu": "rtx-3060"}[field]  # fmt: skip
    sent = {"task_type": "qa", "deployment_target": "edge"}
    without = {name: value for name, value in sent.items() if name != field}
    session = {"session_id": str(make_dataset().id)}

    bodies = [{**sent, field: wrong} for wrong in ("zzz", "", None, [], "x" * 500)]
    bodies += [] if field == "gpu" else [without]
    for body in bodies:
        answer = client.post("/recommend", {**session, **body}, "application/json")

        assert answer.status_code == 400
        assert answer.json()["detail"].startswith(f"{field} is ")
        assert listed in answer.json()["detail"]


def test_every_name_stands_in_the_documents_and_the_schema(client):
    text = " ".join((REPO / "docs/recommender.md").read_text("utf-8").split())
    schemas = client.get("/openapi.json").json()["components"]["schemas"]
    need = schemas["NeedRequest"]["properties"]

    for names in (TASKS, TARGETS):
        assert need[names.field]["description"] == names.help
        for value, others in names.synonyms.items():
            assert f"| `{value}` | {', '.join(others) or '–'} |" in text
        for name, value in names.near.items():
            assert f"`{name}` as `{value}`" in text
    assert need["gpu"]["description"] == HELP
    for name in (*GPUS, *MEMORY_GB):
        assert name in HELP
        assert name in text


def test_a_model_is_known_by_its_name_alone():
    assert parse_task("qa") is Task.QA
    with pytest.raises(InvalidInput, match=r"did you mean 'qwen3-0\.6b'"):
        catalog().get("qwen3-06b")
