"""What can happen to a notebook on a user's machine, tried on tiny models."""

import base64
import contextlib
import json
import re
import subprocess
import sys
import threading
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.conftest import REPO
from tests.factories import jsonl
from tests.notebooks.execution.conftest import (
    BACKENDS,
    TOY,
    Tiny,
    make_bake_off,
    make_notebook,
    make_task,
    on_both,
    run_tasks,
)

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


class Recorder(BaseHTTPRequestHandler):
    """Keeps what is posted to /progress, and plays the part of a model hub."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.seen.append((self.path, dict(self.headers), body))
        self.answer(self.server.hub_answer(self.path, body))

    def do_GET(self):
        self.server.seen.append((self.path, dict(self.headers), b""))
        self.answer(self.server.hub_answer(self.path, b""))

    def answer(self, value):
        content = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args):
        pass


def hub_answer(address, is_private):
    def answer(path, body):
        if path == "/api/repos/create":
            return {"url": f"{address}/me/mine", "id": "me/mine", "name": "me/mine"}
        if "/preupload/" in path:
            files = [file["path"] for file in json.loads(body)["files"]]
            return {
                "files": [
                    {"path": f, "uploadMode": "regular", "shouldIgnore": False}
                    for f in files
                ]
            }
        if "/commit/" in path:
            return {
                "commitUrl": f"{address}/me/mine/commit/1", "commitOid": "1",
                "success": True, "pullRequestUrl": None,
            }  # fmt: skip
        return {"id": "me/mine", "private": is_private, "siblings": [], "tags": []}

    return answer


@contextlib.contextmanager
def recorder(is_private=True):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Recorder)
    address = f"http://127.0.0.1:{server.server_port}"
    server.seen, server.hub_answer = [], hub_answer(address, is_private)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server, address
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


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


def losses(result):
    return [e["eval_loss"] for e in result["RUN"]["history"] if "eval_loss" in e]


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


REAL = {
    "glaive_toolcall_en": "qwen3-0.6b",
    "kdconv_film_zh": "qwen2.5-3b",
    "xquad_ar": "gemma-3-1b",
    "banking77": "llama-3.2-1b",
    "gsm8k_1500": "smollm2-1.7b",
}


@pytest.fixture(scope="session")
def real(models, shared_data, tmp_path_factory):
    """Notebooks of real datasets, with rows longer than the limit."""

    def run(backend):
        folder = tmp_path_factory.mktemp(f"real-{backend}")
        data = {
            name: (shared_data / f"{name}.chat.jsonl").read_bytes() for name in REAL
        }
        paths = models.paths(
            [Tiny(slug, backend, data[name], 3000) for name, slug in REAL.items()]
        )
        settings = {"max_steps": 6}
        tasks = {
            name: make_task(
                folder / name, make_notebook(slug, backend, data[name], settings), path
            )
            for (name, slug), path in zip(REAL.items(), paths, strict=True)
        }
        return run_tasks(backend, tasks, folder)

    return on_both(run)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", REAL)
def test_no_row_of_real_data_is_lost(real, shared_data, name, backend):
    result = real[backend][name]

    assert result["ok"], result["error"]
    rows = result["RUN"]["rows"]
    given = (shared_data / f"{name}.chat.jsonl").read_bytes().count(b"\n")
    assert rows["given"] == given
    assert rows["trained"] + rows["validation"] + rows["dropped"] == given
    assert result["masks"]["strangers"] == result["masks"]["ungraded"] == 0
    assert result["RUN"]["after"]["loss"] < result["RUN"]["before"]["loss"]


def test_data_without_an_answer_in_reach_are_named(models, tmp_path):
    long = {"role": "user", "content": "Why? " * 400}
    rows = [{"messages": [long, {"role": "assistant", "content": "So."}]}]
    fine = {"messages": [{"role": "user", "content": "a"},
                         {"role": "assistant", "content": "b"}]}  # fmt: skip
    data = jsonl([*rows, *[fine] * 12])
    (model,) = models.paths([Tiny(SLUG, data=data)])
    task = make_task(
        tmp_path / "a", make_notebook(SLUG, "trl", data), model,
        "MAX_STEPS = 2\nVALIDATION_FRACTION = 0.0",
    )  # fmt: skip

    (found,) = run_tasks("trl", {"a": task}, tmp_path).values()

    assert found["ok"], found["error"]
    assert found["RUN"]["rows"] == {
        "given": 13, "trained": 12, "validation": 0, "dropped": 1, "cut": 1
    }  # fmt: skip
    log = found["log"].read_text(encoding="utf-8")
    assert "dropped conversation 0: no answer within 640 tokens" in log


@pytest.fixture(scope="module")
def compared(models, tmp_path_factory):
    """Three models, of which the first may hardly train."""
    slugs = ("llama-3.2-1b", "qwen3-0.6b", "gemma-3-270m")

    def run(backend):
        folder = tmp_path_factory.mktemp(f"compared-{backend}")
        paths = models.paths([Tiny(slug, backend) for slug in slugs])
        codes = {
            slug: f"MODEL_ID = {str(path)!r}\nMAX_STEPS = {steps}"
            for slug, path, steps in zip(slugs, paths, (2, 60, 60), strict=True)
        }
        check = (
            "graded = sum(l != -100 for r in validation_rows for l in r['labels'])\n"
            "total = sum(RESULTS[MODEL_ID]['nats'].values())\n"
            "seen_by_test = [total / graded, after['loss']]"
        )
        task = make_task(
            folder / "all", make_bake_off(codes, backend), paths[0], collect=check
        )
        return {**run_tasks(backend, {"all": task}, folder)["all"], "paths": paths}

    return on_both(run)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_comparison_puts_the_model_last_that_learned_least(compared, backend):
    found = compared[backend]

    assert found["ok"], found["error"]
    bits = [found["RESULTS"][name]["bits"] for name in found["RANKED"]]
    assert bits == sorted(bits)
    assert found["RANKED"][-1] == str(found["paths"][0])
    assert set(found["RANKED"]) == set(map(str, found["paths"]))
    # The loss that the comparison adds up is the one that the trainer measures.
    by_comparison, by_trainer = found["seen_by_test"]
    assert by_comparison == pytest.approx(by_trainer, rel=0.02)
    log = found["log"].read_text(encoding="utf-8")
    assert "nats a conversation: " in log
    assert log.count("bits a character") == 3


def ask(port, path, body=None, token="", method=None):
    """The answer of the real server, as JSON."""
    request = urllib.request.Request(
        f"http://localhost:{port}{path}",
        data=json.dumps(body).encode() if body is not None else None,
        headers={"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
        if token
        else {"Content-Type": "application/json"},
        method=method,
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.loads(answer.read())


def make_job(server, tmp_path):
    """The port, a token and the id of a job for the toy data, by the real server."""
    port, environment = server
    (tmp_path / "toy.jsonl").write_bytes(TOY)
    account = ["--noinput", "--username", "trainer", "--email", "t@example.org"]
    subprocess.run(
        [sys.executable, str(REPO / "manage.py"), "createsuperuser", *account],
        env={**environment, "DJANGO_SUPERUSER_PASSWORD": "correct-horse-battery"},
        check=True, capture_output=True,
    )  # fmt: skip
    who = {"username": "trainer", "password": "correct-horse-battery"}
    token = ask(port, "/auth/token", who)["access_token"]
    upload = subprocess.run(
        ["curl", "-s", "-F", f"file=@{tmp_path}/toy.jsonl", "-H",
         f"Authorization: Bearer {token}", f"http://localhost:{port}/upload"],
        check=True, capture_output=True,
    )  # fmt: skip
    session = json.loads(upload.stdout)["session_id"]
    return port, token, ask(port, "/jobs", {"session_id": session}, token)["id"]


def test_the_product_follows_a_real_training(server, models, tmp_path):
    port, token, job = make_job(server, tmp_path)
    secret = ask(port, f"/jobs/{job}/training/secret", {}, token)
    (model,) = models.paths([Tiny(SLUG)])
    slow = "class Slow(TrainerCallback):\n    def on_step_end(self, *a, **k):\n"
    slow += "        time.sleep(0.1)\ntrainer.add_callback(Slow())"
    task = make_task(
        tmp_path / "a", make_notebook(SLUG, "trl"), model,
        f"PROGRESS_URL = {secret['progress_url']!r}\n"
        f"PROGRESS_TOKEN = {secret['progress_token']!r}", trainer=slow,
    )  # fmt: skip

    states = set()
    with ThreadPoolExecutor() as pool:
        running = pool.submit(run_tasks, "trl", {"a": task}, tmp_path)
        while not running.done():
            states.add(ask(port, f"/jobs/{job}/training", token=token)["state"])
            time.sleep(0.5)
        found = running.result()["a"]

    assert found["ok"], found["error"]
    assert states >= {"pending", "running"}
    training = ask(port, f"/jobs/{job}/training", token=token)
    assert (training["state"], training["step"], training["steps"]) == (
        "completed", 60, 60,
    )  # fmt: skip
    points = ask(port, f"/jobs/{job}/training/events", token=token)
    told = [p["values"]["eval_loss"] for p in points if p["kind"] == "eval"]
    # The last step is measured twice; the later figure takes the place of the earlier.
    *during, _, last = losses(found)
    assert told[1:] == pytest.approx([*during, last], rel=1e-6)
    assert ask(port, f"/jobs/{job}", token=token)["status"] == "completed"
