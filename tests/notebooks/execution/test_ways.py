"""What can happen to a notebook on a user's machine, tried on tiny models."""

import base64
import json
import re

import pytest

from tests.notebooks.execution.conftest import (
    BACKENDS,
    Tiny,
    losses,
    make_notebook,
    make_task,
    on_both,
    run_tasks,
)
from tests.notebooks.execution.recorder import recorder

pytestmark = pytest.mark.execution

SLUG = "qwen3-0.6b"

KILLED_AT_40 = """
import signal
class Killer(TrainerCallback):
    def on_step_end(self, args, state, control, **kwargs):
        if state.global_step == 40:
            os.kill(os.getpid(), signal.SIGKILL)
trainer.add_callback(Killer())
"""
ROOM_FOR_THREE = """
whole_forward = model.forward
def narrow_forward(*args, **kwargs):
    if kwargs["input_ids"].shape[0] > 3:
        raise torch.OutOfMemoryError("a GPU with room for three conversations")
    return whole_forward(*args, **kwargs)
model.forward = narrow_forward
"""
SEE_THE_SETTINGS = """
config = trainer.model.peft_config["default"]
arguments = trainer.args
seen_by_test = {
    "lora_rank": config.r,
    "lora_alpha": config.lora_alpha,
    "lora_dropout": config.lora_dropout,
    "learning_rate": arguments.learning_rate,
    "num_epochs": arguments.num_train_epochs,
    "max_steps": arguments.max_steps,
    "batch_size": arguments.per_device_train_batch_size,
    "gradient_accumulation_steps": arguments.gradient_accumulation_steps,
    "warmup_ratio": arguments.warmup_steps,
    "weight_decay": arguments.weight_decay,
    "max_seq_length": max(len(row["input_ids"]) for row in train_rows),
    "scheduler": str(arguments.lr_scheduler_type.value),
    "packing": arguments.packing,
    "seed": arguments.seed,
    "validation_fraction": round(len(VALIDATION) / len(ROWS), 2),
    "thinking": tokenizer.convert_tokens_to_ids("<think>") in sum(
        (row["labels"] for row in train_rows), []
    ),
    "quantization": "4bit" if LOAD_IN_4BIT else "16bit",
    "optimizer": str(getattr(arguments.optim, "value", arguments.optim)),
}
"""
UNUSUAL = {
    "lora_rank": 4, "lora_alpha": 12, "lora_dropout": 0.2, "learning_rate": 0.003,
    "num_epochs": 2.0, "max_steps": 7, "batch_size": 2,
    "gradient_accumulation_steps": 3,
    "warmup_ratio": 0.25, "weight_decay": 0.1, "max_seq_length": 64,
    "scheduler": "linear", "packing": True, "seed": 7, "validation_fraction": 0.25,
    "thinking": True, "quantization": "4bit", "optimizer": "adafactor",
}  # fmt: skip


def to_hub(address):
    """Sends hub calls to `address` and knows a token of the user."""
    return (
        "import huggingface_hub\n"
        "huggingface_hub.constants.HF_HUB_OFFLINE = False\n"
        "start = huggingface_hub.HfApi.__init__\n"
        "huggingface_hub.HfApi.__init__ = lambda self, token: start(\n"
        f"    self, token=token, endpoint={address!r})\n"
        'os.environ["HF_TOKEN"] = "hf_of_the_user"\n'
    )


@pytest.fixture(scope="session")
def ways(models, tmp_path_factory):
    """What came of each way with each backend, and what was sent meanwhile."""
    sent = {}

    def run(backend):
        folder = tmp_path_factory.mktemp(f"ways-{backend}")
        (model,) = models.paths([Tiny(SLUG, backend)])
        plain = make_notebook(SLUG, backend)

        def task(name, parameters="", notebook=plain, **after):
            return make_task(folder / name, notebook, model, parameters, **after)

        with (
            recorder() as (own, address),
            recorder(is_private=False) as (public, other),
        ):
            tasks = {
                "whole": task("whole"),
                "killed": task("killed", trainer=KILLED_AT_40),
                "resumed": task("killed"),
                "changed": task("killed", "LEARNING_RATE = 0.005"),
                "four_bit": task("four_bit", "LOAD_IN_4BIT = True",
                                 precision="FOUR_BIT = True"),
                "little_memory": task("little_memory", lora=ROOM_FOR_THREE),
                "unusual": task(
                    "unusual", train=SEE_THE_SETTINGS,
                    notebook=make_notebook(SLUG, backend, settings=UNUSUAL)),
                "reported": task(
                    "reported",
                    f'PROGRESS_URL = "{address}/progress"\nPROGRESS_TOKEN = "t0k3n"'),
                "unheard": task("unheard", 'PROGRESS_URL = "http://127.0.0.1:9/x"\n'
                                           "MAX_STEPS = 5"),
                "published": task("published", 'PUSH_TO_HUB = "me/mine"\nMAX_STEPS = 5',
                                  gguf=to_hub(address)),
                "refused": task("refused", 'PUSH_TO_HUB = "me/mine"\nMAX_STEPS = 5',
                                gguf=to_hub(other)),
            }  # fmt: skip
            found = run_tasks(backend, tasks, folder)
            sent[backend] = {"own": list(own.seen), "public": list(public.seen)}
        return found

    return {"results": on_both(run), "sent": sent}


@pytest.fixture(params=BACKENDS)
def of(ways, request):
    """of("whole") is the result of that way; of.sent what reached the servers."""

    def result(name):
        return ways["results"][request.param][name]

    result.backend, result.sent = request.param, ways["sent"][request.param]
    return result


def test_a_killed_training_goes_on_and_ends_the_same(of):
    whole, killed, resumed = of("whole"), of("killed"), of("resumed")

    assert "ok" not in killed
    assert whole["ok"], whole["error"]
    assert resumed["ok"], resumed["error"]
    log = resumed["log"].read_text(encoding="utf-8")
    assert re.search("Going on from .*checkpoint-36", log)
    assert resumed["RUN"]["steps"] == whole["RUN"]["steps"] == 60
    assert losses(resumed)[-1] == pytest.approx(losses(whole)[-1], rel=1e-4)
    assert resumed["after_answers"] == whole["after_answers"]


def test_other_parameters_begin_anew(of):
    changed = of("changed")

    assert changed["ok"], changed["error"]
    first = next(e for e in changed["RUN"]["history"] if "loss" in e)
    assert first["step"] <= 2


def test_the_4_bit_branch_trains(of):
    found = of("four_bit")

    assert found["ok"], found["error"]
    assert found["RUN"]["parameters"]["four_bit"] is True
    assert found["RUN"]["after"]["loss"] < 0.6 * found["RUN"]["before"]["loss"]
    assert found["same"] == 3


def test_out_of_memory_takes_less_at_once_and_learns_the_same(of):
    whole, found = of("whole"), of("little_memory")

    assert found["ok"], found["error"]
    assert found["at_once"] == found["RUN"]["conversations_at_once"] == 2
    assert found["RUN"]["steps"] == whole["RUN"]["steps"]
    assert losses(found)[-1] == pytest.approx(losses(whole)[-1], rel=0.1)


def test_every_setting_reaches_the_training(of):
    found = of("unusual")

    assert found["ok"], found["error"]
    # Unsloth packs on GPUs only and switches it off here by itself.
    packs = of.backend == "trl"
    assert found["seen_by_test"] == {**UNUSUAL, "packing": packs}
    assert found["RUN"]["steps"] == 7


def test_progress_is_reported_to_the_address_and_nowhere_else(of):
    assert of("reported")["ok"], of("reported")["error"]
    posts = [seen for seen in of.sent["own"] if seen[0] == "/progress"]
    bodies = [json.loads(body) for _, _, body in posts]

    assert {headers["Authorization"] for _, headers, _ in posts} == {"Bearer t0k3n"}
    events = [body["event"] for body in bodies]
    # One measurement before the training, and one after it.
    assert events == ["log", "begin", *["log"] * (len(events) - 4), "end", "log"]
    assert bodies[-2]["step"] == bodies[-2]["steps"] == 60
    assert len([body for body in bodies if "eval_loss" in body]) == 12
    steps = [body["step"] for body in bodies]
    assert steps == sorted(steps)


def test_an_address_that_does_not_answer_stops_nothing(of):
    found = of("unheard")

    assert found["ok"], found["error"]
    assert found["RUN"]["steps"] == 5


def test_publishing_makes_a_private_repository_with_the_adapter(of):
    assert of("published")["ok"], of("published")["error"]
    calls = [seen for seen in of.sent["own"] if seen[0] != "/progress"]
    (create,) = [body for path, _, body in calls if path == "/api/repos/create"]
    (commit,) = [body for path, _, body in calls if "/commit/" in path]
    lines = [json.loads(line) for line in commit.splitlines()]
    files = {line["value"]["path"]: line["value"] for line in lines[1:]}

    assert json.loads(create)["visibility"] == "private"
    assert "adapter_model.safetensors" in files
    card = base64.b64decode(files["README.md"]["content"]).decode()
    assert "Trained on 65 conversations" in card
    assert calls[0][1]["authorization"] == "Bearer hf_of_the_user"


def test_nothing_is_published_into_a_public_repository(of):
    found = of("refused")

    assert not found["ok"]
    assert "exists and is public" in found["error"]
    assert not [path for path, _, _ in of.sent["public"] if "/commit/" in path]
