import json
import re

import pytest

from notebooks.models import Notebook
from tests.factories import jsonl, make_conversation, make_dataset

pytestmark = pytest.mark.django_db


def address(dataset, query=""):
    return f"/app/datasets/{dataset.id}/training/{query}"


def text(response):
    return response.content.decode()


def make(client, dataset, **values):
    answer = client.post(address(dataset), {"model": "qwen3-0.6b", **values})
    assert answer.status_code == 302
    return answer["Location"]


def test_three_presets_stand_side_by_side(client):
    shown = text(client.get(address(make_dataset(), "?model=qwen3-0.6b")))

    assert re.findall(r'name="preset" value="(\w+)"( checked)?', shown) == [
        ("fast", ""), ("balanced", " checked"), ("quality", "")
    ]  # fmt: skip
    assert "all computed" in shown


def test_a_changed_value_is_marked_and_counted(client):
    shown = text(client.get(address(make_dataset(), "?lora_rank=64")))

    assert "1 changed" in shown
    assert 'LoRA rank <span class="changed">changed</span>' in shown
    assert "In use: <strong>64</strong>" in shown


def test_showing_a_plan_keeps_only_what_was_chosen_in_the_address(client):
    dataset = make_dataset()
    sent = {"show": "1", "model": "qwen3-0.6b", "preset": "fast", "packing": "true"}

    answer = client.post(address(dataset), {**sent, "lora_rank": ""})

    query = "?model=qwen3-0.6b&preset=fast&packing=true#plan"
    assert answer["Location"] == address(dataset, query)
    assert Notebook.objects.count() == 0


@pytest.mark.parametrize(
    ("name", "value"), [("lora_rank", "999"), ("lora_rank", "x"), ("seed", "1.5")]
)
def test_a_value_out_of_range_is_said_next_to_its_field(client, name, value):
    answer = client.post(address(make_dataset()), {name: value})

    assert answer.status_code == 400
    assert f'id="id_{name}_error">Found &#x27;{value}&#x27;; expected a' in text(answer)
    assert Notebook.objects.count() == 0


def test_a_length_beyond_the_model_s_context_is_said_next_to_its_field(client):
    query = "?model=smollm2-360m&max_seq_length=32000"

    answer = client.get(address(make_dataset(), query))

    assert answer.status_code == 400
    assert "reads at most 8,192 tokens" in text(answer)


def test_an_unknown_model_is_a_sentence(client):
    answer = client.get(address(make_dataset(), "?model=%3Cb%3E"))

    assert answer.status_code == 400
    assert "expected one of" in text(answer)
    assert "<b>" not in text(answer)


def test_the_preflight_names_what_leaves_the_machine(client):
    shown = text(client.get(address(make_dataset())))

    assert "Making the notebook sends nothing anywhere." in shown
    assert "No row has more than" in shown


def test_the_preflight_says_tokens_and_disk(client):
    rows = [make_conversation(f"Question {n}", "An answer.") for n in range(100)]

    shown = text(client.get(address(make_dataset(jsonl(rows)), "?model=qwen3-1.7b")))

    # 60 steps of 8 rows, each of 38 tokens with its template; 0.96 GB of weights.
    assert "<dd>about 18,000</dd>" in shown
    assert "about 1.2 GB <small>about 1.0 GB of it downloaded" in shown


PRESET_MINUTES = r"tokens a row; (.+?) on "


def test_memory_and_time_are_judged_for_the_chosen_gpu(client):
    dataset = make_dataset()
    query = "?model=mistral-7b&max_seq_length=2048&batch_size=8"

    free = text(client.get(address(dataset, query)))
    large = text(client.get(address(dataset, f"{query}&gpu=a100")))
    unknown = client.get(address(dataset, "?gpu=abacus"))

    assert "Does not fit a free T4 (14.7 GiB)" in free
    assert free.count(" on a free T4</span>") == 3
    assert "Fits a 40 GB A100" in large
    assert large.count(" on a 40 GB A100</span>") == 3
    assert re.findall(PRESET_MINUTES, free) != re.findall(PRESET_MINUTES, large)
    assert '<option value="a100" selected>' in large
    assert unknown.status_code == 400


def test_the_chosen_gpu_stays_in_the_address(client):
    answer = client.post(
        address(make_dataset()), {"model": "qwen3-0.6b", "gpu": "l4", "show": "1"}
    )

    assert answer["Location"].endswith("?model=qwen3-0.6b&gpu=l4#plan")


def test_the_chosen_gpu_is_remembered_on_every_page(client):
    dataset = make_dataset()
    model = f"/app/datasets/{dataset.id}/model/"
    client.get(address(dataset, "?model=qwen3-0.6b&gpu=l4"))

    pages = [text(client.get(page)) for page in (address(dataset), model)]

    assert '<option value="l4" selected>' in pages[0]
    assert '<option value="l4" selected>' in pages[1]
    assert "Time on an L4" in pages[0]
    assert "Fits an L4" in pages[1]
    assert "&amp;gpu=l4" in pages[1]


def test_a_gpu_may_be_named_by_its_memory_and_stays_so(client):
    dataset = make_dataset()

    shown = text(client.get(address(dataset, "?model=qwen3-0.6b&gpu=16")))

    assert '<option value="16" selected>16 GB GPU</option>' in shown
    assert "Fits a 16 GB GPU" in shown


def test_a_notebook_is_made_for_the_chosen_gpu(client):
    page = text(client.get(make(client, make_dataset(), gpu="a100")))

    assert Notebook.objects.get().gpu == "a100"
    assert "Planned for a 40 GB A100" in " ".join(page.split())
    assert "Change runtime type, A100 GPU." in page
    assert "?model=qwen3-0.6b&amp;gpu=a100" in page


def test_a_notebook_for_a_gpu_that_colab_does_not_offer_says_so(client):
    sentence = "planned for a GPU that Colab and Kaggle do not offer"
    pages = {
        gpu: text(client.get(make(client, make_dataset(), gpu=gpu)))
        for gpu in ("a100", "rtx-4090")
    }

    assert sentence not in pages["a100"]
    assert sentence in pages["rtx-4090"]


def test_an_older_notebook_says_nothing_of_its_gpu(client):
    page = make(client, make_dataset())
    Notebook.objects.update(figures=[])

    shown = client.get(page)

    assert shown.status_code == 200
    assert "Planned for" not in text(shown)


def test_a_notebook_is_made_shown_and_found_again(client):
    dataset = make_dataset()

    page = make(client, dataset, preset="fast", lora_rank="4")

    notebook = Notebook.objects.get()
    assert notebook.training_config["lora_rank"] == 4
    assert page == f"/app/notebooks/{notebook.id}/"
    assert f"{page}download/" in text(client.get(page))
    latest = client.get(f"/app/datasets/{dataset.id}/notebook/")
    assert latest["Location"] == page


def test_without_a_notebook_the_last_step_leads_to_the_one_before(client):
    dataset = make_dataset()

    answer = client.get(f"/app/datasets/{dataset.id}/notebook/")

    assert answer["Location"] == address(dataset)


def test_the_preview_escapes_what_the_notebook_holds(client):
    dataset = make_dataset(name="<b>bold</b>.jsonl")

    shown = text(client.get(make(client, dataset)))

    assert "<b>bold" not in shown
    assert "LORA_RANK = " in shown


def test_a_foreign_notebook_is_not_there(client, owner, stranger):
    dataset = make_dataset(owner=owner)
    client.force_login(owner)
    page = make(client, dataset)
    client.force_login(stranger)

    assert client.get(page).status_code == 404
    assert client.get("/app/notebooks/malformed/").status_code == 404


def test_the_page_weighs_less_than_100_kilobytes(client):
    page = client.get(make(client, make_dataset()))

    assert len(page.content) < 100_000
    assert json.loads(client.get(Notebook.objects.get().download_url).content)


def test_models_that_are_close_are_compared_by_one_button(client):
    dataset = make_dataset()
    shown = client.get(f"/app/datasets/{dataset.id}/model/").content.decode()
    models = re.findall(r'name="model" value="([^"]*)"', shown)

    made = client.post(f"/app/datasets/{dataset.id}/compare/", {"model": models})

    assert len(models) == 3
    assert Notebook.objects.get().candidates == models
    page = client.get(made["Location"]).content.decode()
    assert "Which model learns your conversations best?" in page


def test_models_that_cannot_be_compared_are_refused_on_a_page(client):
    dataset = make_dataset()

    made = client.post(f"/app/datasets/{dataset.id}/compare/", {"model": ["x"]})

    assert made.status_code == 400
    assert "expected one of" in made.content.decode()
    assert Notebook.objects.count() == 0
