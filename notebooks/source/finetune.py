# %% [markdown] tags=["intro", "single"]
# # Fine-tune {{ model_name }} on your own conversations
#
# | | |
# |---|---|
# | Data | {{ filename }}: {{ examples }} conversations, {{ tokens }} tokens |
# | Model | {{ model_name }} ({{ size }} parameters), {{ model_id }} |
# | License | {{ license }} |
# | Access | {{ access }} |
# | Training | {{ training }} over {{ train_examples }} conversations |
# | GPU | {{ fit }} |
# | GPU memory | {{ memory }}{{ unsloth }}, estimated |
# | Time on {{ gpu }} | {{ time }}{{ cost }}, estimated |
#
# Run the cells from top to bottom (*Runtime → Run all* in Colab). Everything you may
# want to change stands in the cell **Parameters**. Run all again after an interruption:
# training goes on from its last checkpoint. Nothing is sent anywhere unless you fill in
# a parameter that says so.

# %% [markdown] tags=["intro", "bakeoff"]
# # Which model learns your conversations best?
#
# | | |
# |---|---|
# | Data | {{ filename }}: {{ examples }} conversations, {{ tokens }} tokens |
# | Candidates | {{ candidates }} |
#
# Each candidate is fine-tuned on the same small part of your data, and all are compared
# on the same conversations that none of them has seen. Run the cells from top to bottom
# (*Runtime → Run all* in Colab). Nothing is sent anywhere unless you fill in a parameter
# that says so.

# %% [markdown] tags=["install"]
# ## Install
#
# Versions that were tested together on {{ tested_on }}. An installation that fails stops
# here and shows why.

# %% tags=["install"]
import subprocess
import sys

PACKAGES = []
PLAIN = []


def pip(*arguments):
    command = [sys.executable, "-m", "pip", *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        print(done.stdout, done.stderr)
        raise RuntimeError("pip failed; what it said stands above.")


print("Installing; this takes a few minutes.")
# Colab ships a torchao with which peft refuses to start.
pip("uninstall", "--yes", "torchao")
pip("install", *PACKAGES)
# Without their dependencies, which could replace the torch that fits this machine.
pip("install", "--no-deps", *PLAIN)
print("Installed:", *PACKAGES, *PLAIN)

# %% [markdown]
# ## Parameters
#
# Computed from your data and the model. Change what you like, then run all.

# %% tags=["parameters"]
MODEL_ID = "HuggingFaceTB/SmolLM2-360M-Instruct"
MODEL_REVISION = "main"
LOAD_IN_4BIT = True
FLOAT16_IS_SAFE = True
TARGET_MODULES = ["q_proj", "k_proj", "v_proj", "o_proj"]
LORA_RANK = 16
LORA_ALPHA = 32
LORA_DROPOUT = 0.0
LEARNING_RATE = 0.0002
NUM_EPOCHS = 3
MAX_STEPS = -1
BATCH_SIZE = 2
GRADIENT_ACCUMULATION_STEPS = 4
WARMUP_RATIO = 0.05
WEIGHT_DECAY = 0.01
MAX_SEQ_LENGTH = 1024
SCHEDULER = "cosine"
OPTIMIZER = "adamw_8bit"
PACKING = False
SEED = 42
VALIDATION_FRACTION = 0.1
THINKING = False
EARLY_STOPPING_PATIENCE = 3
MAX_NEW_TOKENS = 256
OUTPUT_DIR = "outputs"
SAVE_MERGED = False
GGUF = ""
PUSH_TO_HUB = ""
PROGRESS_URL = ""
PROGRESS_TOKEN = ""
DATA_FILE = "examples.jsonl"
DATA_URL = ""
DATA_SHA256 = ""
DATA_EXAMPLES = 0

# %% [markdown]
# ## Runtime

# %% tags=["runtime", "unsloth"]
import os

# One GPU: the trainer refuses to spread over two without a launcher (Kaggle T4 x2).
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "0")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import unsloth  # before the libraries that it patches

# %% tags=["runtime"]
import gc
import getpass
import hashlib
import importlib.metadata
import importlib.util
import json
import math
import os
import random
import re
import shutil
import time
import urllib.request

# One GPU: the trainer refuses to spread over two without a launcher (Kaggle T4 x2).
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "0")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import torch
import transformers

from datasets import Dataset

CUDA = torch.cuda.is_available()
CAPABILITY = torch.cuda.get_device_capability(0) if CUDA else (0, 0)
VERSIONS = {
    name: importlib.metadata.version(name)
    for name in ("torch", "transformers", "trl", "peft", "datasets", "accelerate")
}
print(VERSIONS)
if CUDA:
    free, total = (size / 2**30 for size in torch.cuda.mem_get_info())
    print(f"{torch.cuda.get_device_name(0)}: {free:.1f} of {total:.1f} GiB free")
else:
    print("No GPU: this will work, and be slow for all but tiny models.")
print(f"Disk: {shutil.disk_usage('.').free / 2**30:.1f} GiB free.")


def hub_token():
    """Your Hugging Face token: from the environment, the platform's secrets, or you."""
    if os.environ.get("HF_TOKEN"):
        return os.environ["HF_TOKEN"]
    if importlib.util.find_spec("kaggle_secrets"):
        from kaggle_secrets import UserSecretsClient

        return UserSecretsClient().get_secret("HF_TOKEN")
    if importlib.util.find_spec("google") and importlib.util.find_spec("google.colab"):
        from google.colab import userdata

        return userdata.get("HF_TOKEN")
    return getpass.getpass("Hugging Face token: ")


# %% [markdown]
# ## Data
#
# Your conversations, exactly as they were uploaded; a checksum proves it.

# %% tags=["data", "embedded"]
import base64
import bz2

EMBEDDED = """
"""
RAW = bz2.decompress(base64.b64decode(EMBEDDED))

# %% [markdown] tags=["external"]
# They are too large to travel inside this notebook. The cell takes the file
# {{ data_file }} beside the notebook; else it loads it from `DATA_URL`, which works for
# {{ data_days }} days after your upload, for whoever has this notebook; else Colab asks
# you to upload the file.

# %% tags=["data", "external"]
import pathlib


def load_data():
    if pathlib.Path(DATA_FILE).exists():
        return pathlib.Path(DATA_FILE).read_bytes()
    if DATA_URL:
        try:
            with urllib.request.urlopen(DATA_URL, timeout=60) as answer:
                return answer.read()
        except OSError as error:  # such as a server that only your own machine sees
            print(DATA_URL, "did not answer:", error)
    if importlib.util.find_spec("google") and importlib.util.find_spec("google.colab"):
        from google.colab import files

        return next(iter(files.upload().values()))
    raise FileNotFoundError(f"Put the data beside this notebook as {DATA_FILE}.")


RAW = load_data()

# %% tags=["data"]
if hashlib.sha256(RAW).hexdigest() != DATA_SHA256:
    raise ValueError("These are not the data that this notebook was made for.")
ROWS = [json.loads(line) for line in RAW.decode("utf-8").split("\n") if line]
assert len(ROWS) == DATA_EXAMPLES
print(f"{len(ROWS):,} conversations, {len(RAW):,} bytes")

# %% [markdown]
# ### Training and validation
#
# A part of the conversations is never trained on, to see what the model makes of text it
# does not know. Conversations that ask the same stay on one side.

# %% tags=["split"]


def grouped(key):
    """Numbers of conversations, those of one key together, in random order."""
    groups = {}
    for number, row in enumerate(ROWS):
        text = json.dumps(key(row["messages"]), ensure_ascii=False)
        groups.setdefault(" ".join(text.casefold().split()), []).append(number)
    parts = list(groups.values())
    random.Random(SEED).shuffle(parts)
    return parts


def questions(messages):
    return [message["content"] for message in messages if message["role"] == "user"]


parts = grouped(questions)
if len(parts) < 10:  # where nearly all ask the same, only copies stay together
    parts = grouped(lambda messages: messages)
enough = VALIDATION_FRACTION and len(ROWS) >= 10
wanted = max(1, round(len(ROWS) * VALIDATION_FRACTION)) if enough else 0
VALIDATION, TRAINING = [], []  # numbers of conversations
for part in parts:
    # The last part stays for training, however much one conversation was repeated.
    held_back = len(VALIDATION) < wanted and part is not parts[-1]
    (VALIDATION if held_back else TRAINING).extend(part)
print(f"{len(TRAINING):,} to train on, {len(VALIDATION):,} to validate with")

# %% [markdown] tags=["bakeoff"]
# ### A small part of it
#
# Enough to see which model learns these conversations best, and the same for each.

# %% tags=["bakeoff"]
TRAINING, VALIDATION = TRAINING[:400], VALIDATION[:60]
if not VALIDATION:
    raise ValueError("There is nothing to compare with; see VALIDATION_FRACTION.")
RESULTS = {}
print(f"{len(TRAINING):,} to train on, {len(VALIDATION):,} to compare with")

# %% [markdown] tags=["bakeoff", "each"]
# # {{ model_name }}
#
# {{ size }} parameters, {{ model_id }}. License: {{ license }}. {{ fit }}: GPU memory
# {{ memory }}{{ unsloth }}; {{ training }} take {{ time }}{{ cost }}. Estimated.

# %% tags=["bakeoff", "each", "candidate"]
OUTPUT_DIR = "outputs"

# %% [markdown] tags=["gated", "each"]
# ## Access to the model
#
# The makers of this model ask you to accept their terms: open the page of
# {{ model_id }} on Hugging Face, accept, and make a token with *read* access. Store it as
# the secret `HF_TOKEN` of Colab or Kaggle, or as the environment variable `HF_TOKEN`.

# %% tags=["gated", "each"]
from huggingface_hub import login

if not os.path.isdir(MODEL_ID):
    login(hub_token())

# %% [markdown] tags=["each"]
# ## Model

# %% tags=["precision", "each"]
transformers.set_seed(SEED)
# Asked by capability: is_bf16_supported() says yes on a T4, which only emulates it.
BF16 = CUDA and CAPABILITY[0] >= 8
FP16 = CUDA and not BF16 and FLOAT16_IS_SAFE
DTYPE = torch.bfloat16 if BF16 else torch.float16 if FP16 else torch.float32
# Some CPUs train 4-bit weights wrongly, and none trains them fast.
FOUR_BIT = LOAD_IN_4BIT and CUDA
print(f"Numbers: {DTYPE}, frozen weights in {'4' if FOUR_BIT else '16 or 32'} bit")

# %% tags=["model", "trl", "each"]
from transformers import (
    MODEL_FOR_CAUSAL_LM_MAPPING,
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForImageTextToText,
    AutoTokenizer,
    BitsAndBytesConfig,
)

tokenizer = AutoTokenizer.from_pretrained(MODEL_ID, revision=MODEL_REVISION)
config = AutoConfig.from_pretrained(MODEL_ID, revision=MODEL_REVISION)
# Some models that also see images exist only with their image part.
is_text = type(config) in MODEL_FOR_CAUSAL_LM_MAPPING
LOADER = AutoModelForCausalLM if is_text else AutoModelForImageTextToText
QUANTIZATION = None
if FOUR_BIT:
    QUANTIZATION = BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=DTYPE,
    )


def load(quantization):
    return LOADER.from_pretrained(
        MODEL_ID,
        revision=MODEL_REVISION,
        dtype=DTYPE,
        quantization_config=quantization,
        device_map={"": 0} if CUDA else None,
    )


model = load(QUANTIZATION)

# %% tags=["model", "unsloth", "each"]
from unsloth import FastLanguageModel


def load(name, four_bit, **more):
    found, its_tokenizer = FastLanguageModel.from_pretrained(
        name,
        max_seq_length=MAX_SEQ_LENGTH,
        dtype=None if CUDA else DTYPE,
        load_in_4bit=four_bit,
        **more,
    )
    # A model that also sees images comes with a processor around its tokenizer.
    return found, getattr(its_tokenizer, "tokenizer", its_tokenizer)


model, tokenizer = load(MODEL_ID, FOUR_BIT, revision=MODEL_REVISION)

# %% tags=["model", "each"]
if tokenizer.pad_token is None:
    tokenizer.pad_token = tokenizer.eos_token
if tokenizer.chat_template is None:
    raise ValueError(f"{MODEL_ID} has no chat template; choose an instruct model.")

# %% [markdown] tags=["each"]
# ### Learn from the answers only
#
# The model sees whole conversations and is graded on the assistant's words, up to and
# including the token that ends its turn. The check below shows one conversation as the
# model will be graded on it.

# %% tags=["mask", "each"]
# Llama's template tells the model today's date; a fixed one makes runs repeatable.
TEMPLATE = {"enable_thinking": THINKING, "date_string": "26 Jul 2024"}


def render(messages, tools=None, prompt=False, **other):
    return tokenizer.apply_chat_template(
        messages,
        tools=tools,
        tokenize=False,
        add_generation_prompt=prompt,
        **{**TEMPLATE, **other},
    )


def text_of(content):
    if isinstance(content, list):
        return "".join(part["text"] for part in content)
    return content or ""


def prepared(messages):
    """What every template reads: text as text, tool arguments as objects."""
    out = []
    for message in messages:
        message = dict(message, content=text_of(message.get("content")))
        if message["role"] == "developer":
            message["role"] = "system"
        if message["role"] == "function":
            message["role"] = "tool"
        if message.get("tool_calls"):
            message["tool_calls"] = [
                with_object(call) for call in message["tool_calls"]
            ]
        out.append(message)
    return out


def with_object(call):
    """A tool call whose arguments are an object, where they are one written as text."""
    function = call.get("function", {})
    try:
        return dict(
            call, function=dict(function, arguments=json.loads(function["arguments"]))
        )
    except (KeyError, TypeError, ValueError):
        return call


def fitted(messages, tools):
    """The messages as this template takes them; the system prompt is folded if not."""
    messages = prepared(messages)
    try:
        render(messages, tools)
        return messages
    except Exception:  # templates refuse with errors of their own
        if messages[0]["role"] != "system" or len(messages) < 2:
            raise
    joined = messages[0]["content"] + "\n\n" + messages[1]["content"]
    folded = [dict(messages[1], content=joined), *messages[2:]]
    render(folded, tools)
    return folded


def find_end_of_turn():
    sentinel = "zqANSWERzq"
    text = render(
        [
            {"role": "user", "content": "question"},
            {"role": "assistant", "content": sentinel},
            {"role": "user", "content": "next"},
        ]
    )
    tail = text[text.rindex(sentinel) + len(sentinel) :]
    special = {*tokenizer.get_added_vocab(), *tokenizer.all_special_tokens}
    found = [
        (tail.find(token), -len(token), token) for token in special if token in tail
    ]
    return min(found)[2] if found else tokenizer.eos_token


END_OF_TURN = find_end_of_turn()


def answer_start(full, messages, turn, tools, position):
    """Where in the rendered conversation the words of an answer begin."""
    # Some templates show thinking that was switched off only in the last answer.
    for thinking in (THINKING, not THINKING):
        try:
            asked = render(messages[:turn], tools, True, enable_thinking=thinking)
        except Exception:  # a template may refuse the beginning of a conversation
            continue
        if full.startswith(asked) and len(asked) >= position:
            return len(asked)
    before = messages[turn - 1]["content"].strip() if turn else ""
    behind = full.find(before, position)
    behind = position if behind < 0 else behind + len(before)
    body = messages[turn]["content"].strip()
    start = full.find(body, behind)
    if not body or start < 0:
        raise ValueError("an answer cannot be found in what the template made of it")
    return start


def answer_spans(messages, tools):
    """The rendered conversation and where in it the assistant's turns stand."""
    full, spans, position = render(messages, tools), [], 0
    for turn, message in enumerate(messages):
        if message["role"] != "assistant":
            continue
        start = answer_start(full, messages, turn, tools, position)
        body = message["content"].strip()
        where = full.find(body, start)
        end = full.find(END_OF_TURN, where + len(body) if where >= 0 else start)
        end = len(full) if end < 0 else end + len(END_OF_TURN)
        if message.get("weight") != 0:  # OpenAI's way to leave an answer ungraded
            spans.append((start, end))
        position = end
    if spans and spans[-1][1] == len(full) and not full.rstrip().endswith(END_OF_TURN):
        full += END_OF_TURN  # a template that leaves the last turn open
        spans[-1] = (spans[-1][0], len(full))
    return full, spans


def encode(row):
    tools = row.get("tools")
    full, spans = answer_spans(fitted(row["messages"], tools), tools)
    found = tokenizer(full, add_special_tokens=False, return_offsets_mapping=True)
    labels = [
        token
        if end > start and any(a <= start and end <= b for a, b in spans)
        else -100
        for token, (start, end) in zip(
            found["input_ids"], found["offset_mapping"], strict=True
        )
    ]
    return found["input_ids"], labels


def encode_all(numbers):
    kept, dropped, cut, used = [], [], 0, []
    for number in numbers:
        try:
            tokens, labels = encode(ROWS[number])
        except Exception as error:  # whatever the template raises is shown, not lost
            dropped.append(f"{number}: {type(error).__name__}: {error}"[:200])
            continue
        cut += len(tokens) > MAX_SEQ_LENGTH
        tokens, labels = tokens[:MAX_SEQ_LENGTH], labels[:MAX_SEQ_LENGTH]
        if all(label == -100 for label in labels):
            dropped.append(f"{number}: no answer within {MAX_SEQ_LENGTH} tokens")
            continue
        kept.append({"input_ids": tokens, "labels": labels})
        used.append(number)
    return kept, dropped, cut, used


train_rows, train_dropped, train_cut, USED = encode_all(TRAINING)
validation_rows, validation_dropped, validation_cut, SHOWN = encode_all(VALIDATION)
SHOWN = SHOWN or USED
if not train_rows:
    raise ValueError(f"No conversation is left to train on: {train_dropped[:3]}")
shown = train_rows[0]
supervised = sum(label != -100 for row in train_rows for label in row["labels"])
seen = sum(len(row["input_ids"]) for row in train_rows)
print(f"End of turn: {END_OF_TURN!r}. Graded: {supervised:,} of {seen:,} tokens "
      f"({supervised / seen:.0%}).")  # fmt: skip
print(f"Rows: {len(train_rows)} to train on, {len(validation_rows)} to validate with, "
      f"{train_cut + validation_cut} cut to {MAX_SEQ_LENGTH} tokens, "
      f"{len(train_dropped) + len(validation_dropped)} dropped.")  # fmt: skip
for reason in (train_dropped + validation_dropped)[:10]:
    print("  dropped conversation", reason)
if len(train_dropped) + len(validation_dropped) > 10:
    print("  and others; run.json will name them all")
print("The model sees:\n", tokenizer.decode(shown["input_ids"][:400]))
graded = [label for label in shown["labels"] if label != -100][:400]
print("and is graded on:\n", tokenizer.decode(graded))
assert 0 < supervised < seen, "either nothing or everything would be graded"

# %% [markdown] tags=["each"]
# ### LoRA
#
# Small matrices beside the model's own are trained; the model itself stays as it is.

# %% tags=["lora", "each"]
LAYERS = [name for name, _ in model.named_modules()]
# A copy of a model may hold as three layers what its makers fused into one.
TARGETS = [
    target
    for target in TARGET_MODULES
    if any(name == target or name.endswith("." + target) for name in LAYERS)
]
if not TARGETS:
    raise ValueError(f"{MODEL_ID} has none of the layers {TARGET_MODULES}.")
print("Layers to train:", *TARGETS)
if any("vision" in name for name in LAYERS):
    # Only the part that reads and writes text.
    TARGETS = rf".*language_model.*\.({'|'.join(TARGETS)})"

# %% tags=["lora", "trl", "each"]
from peft import LoraConfig, get_peft_model, prepare_model_for_kbit_training

if QUANTIZATION is not None:
    model = prepare_model_for_kbit_training(model)
model = get_peft_model(
    model,
    LoraConfig(
        r=LORA_RANK,
        lora_alpha=LORA_ALPHA,
        lora_dropout=LORA_DROPOUT,
        target_modules=TARGETS,
        bias="none",
        task_type="CAUSAL_LM",
    ),
)
model.print_trainable_parameters()

# %% tags=["lora", "unsloth", "each"]
model = FastLanguageModel.get_peft_model(
    model,
    r=LORA_RANK,
    lora_alpha=LORA_ALPHA,
    lora_dropout=LORA_DROPOUT,
    target_modules=TARGETS,
    bias="none",
    use_gradient_checkpointing="unsloth",
    random_state=SEED,
)
model.print_trainable_parameters()

# %% [markdown] tags=["each"]
# ## Training

# %% tags=["trainer", "each"]
from transformers import EarlyStoppingCallback, TrainerCallback
from trl import SFTConfig, SFTTrainer

PARAMETERS = {
    "model_id": MODEL_ID,
    "model_revision": MODEL_REVISION,
    "four_bit": FOUR_BIT,
    "target_modules": TARGETS,
    "lora_rank": LORA_RANK,
    "lora_alpha": LORA_ALPHA,
    "lora_dropout": LORA_DROPOUT,
    "learning_rate": LEARNING_RATE,
    "num_epochs": NUM_EPOCHS,
    "max_steps": MAX_STEPS,
    "batch_size": BATCH_SIZE,
    "gradient_accumulation_steps": GRADIENT_ACCUMULATION_STEPS,
    "warmup_ratio": WARMUP_RATIO,
    "weight_decay": WEIGHT_DECAY,
    "max_seq_length": MAX_SEQ_LENGTH,
    "scheduler": SCHEDULER,
    "optimizer": OPTIMIZER,
    "packing": PACKING,
    "seed": SEED,
    "validation_fraction": VALIDATION_FRACTION,
    "thinking": THINKING,
    "early_stopping_patience": EARLY_STOPPING_PATIENCE,
}
# Another folder for other parameters or data: a run goes on only from its own checkpoints.
RUN_KEY = hashlib.sha256(json.dumps([PARAMETERS, DATA_SHA256]).encode()).hexdigest()[:8]
CHECKPOINTS = os.path.join(OUTPUT_DIR, f"checkpoints-{RUN_KEY}")

train_set = Dataset.from_list(train_rows)
validation_set = Dataset.from_list(validation_rows) if validation_rows else None
EFFECTIVE_BATCH = BATCH_SIZE * GRADIENT_ACCUMULATION_STEPS


class Progress(TrainerCallback):
    """Tells the address in PROGRESS_URL how training goes; silent without one."""

    told = 0.0

    def post(self, event, state, logs, **words):
        self.told = time.time()
        numbers = {
            name: value if math.isfinite(value) else None  # JSON has no NaN
            for name, value in (logs or {}).items()
            if isinstance(value, int | float)
        }
        steps = {"step": state.global_step, "steps": state.max_steps}
        report = {"event": event, **steps, **words}
        request = urllib.request.Request(
            PROGRESS_URL,
            data=json.dumps({**report, **numbers}).encode(),
            headers={
                "Content-Type": "application/json",
                "Authorization": f"Bearer {PROGRESS_TOKEN}",
            },
        )
        try:
            urllib.request.urlopen(request, timeout=5).close()
        except (OSError, ValueError) as error:  # must not stop the training
            print("Progress was not reported:", error)

    def on_train_begin(self, args, state, control, **kwargs):
        if PROGRESS_URL:
            self.post("begin", state, None)

    def on_step_end(self, args, state, control, **kwargs):
        if PROGRESS_URL and time.time() - self.told > 30:
            self.post("beat", state, None)

    def on_log(self, args, state, control, logs=None, **kwargs):
        if PROGRESS_URL:
            self.post("log", state, logs)

    def on_train_end(self, args, state, control, **kwargs):
        if PROGRESS_URL:
            self.post("end", state, None)


UNTRAINED = {
    name: weights.detach().cpu().clone()
    for name, weights in model.named_parameters()
    if weights.requires_grad
}


def make_trainer(at_once):
    """A trainer that begins anew; its steps see as many conversations, whatever fits."""
    with torch.no_grad():
        for name, weights in model.named_parameters():
            if name in UNTRAINED:
                weights.copy_(UNTRAINED[name])
    arguments = SFTConfig(
        output_dir=CHECKPOINTS,
        per_device_train_batch_size=at_once,
        per_device_eval_batch_size=at_once,
        gradient_accumulation_steps=EFFECTIVE_BATCH // at_once,
        num_train_epochs=NUM_EPOCHS,
        max_steps=MAX_STEPS,
        learning_rate=LEARNING_RATE,
        # Steps below 1 are shares of all steps.
        warmup_steps=WARMUP_RATIO,
        lr_scheduler_type=SCHEDULER,
        weight_decay=WEIGHT_DECAY,
        optim=OPTIMIZER if CUDA or "8bit" not in OPTIMIZER else "adamw_torch",
        fp16=FP16,
        bf16=BF16,
        gradient_checkpointing=CUDA,
        max_length=MAX_SEQ_LENGTH,
        packing=PACKING,
        logging_steps=0.02,
        eval_strategy="steps" if validation_set is not None else "no",
        eval_steps=0.1,
        save_strategy="steps",
        save_steps=0.1,
        save_total_limit=2,
        load_best_model_at_end=validation_set is not None,
        metric_for_best_model="eval_loss" if validation_set is not None else None,
        greater_is_better=False if validation_set is not None else None,
        seed=SEED,
        data_seed=SEED,
        report_to="none",
        dataloader_pin_memory=CUDA,
        # Dense Granite 4 carries mixture-of-experts fields; without this the trainer
        # asks for router scores that are not there.
        router_aux_loss_coef=0.0,
    )
    callbacks = [Progress()]
    if validation_set is not None and EARLY_STOPPING_PATIENCE:
        callbacks.append(EarlyStoppingCallback(EARLY_STOPPING_PATIENCE))
    made = SFTTrainer(
        model=model,
        args=arguments,
        train_dataset=train_set,
        eval_dataset=validation_set,
        processing_class=tokenizer,
        callbacks=callbacks,
    )
    if FP16:
        # The trainer turns 4-bit adapters to bfloat16, which the float16 scaler cannot
        # take.
        for weights in made.model.parameters():
            if weights.requires_grad:
                weights.data = weights.data.float()
    return made


at_once = BATCH_SIZE
trainer = make_trainer(at_once)


def in_memory(work):
    """What work(trainer) gives; out of GPU memory it is done again with less at once."""
    global at_once, trainer
    while True:
        try:
            return work(trainer)
        except torch.OutOfMemoryError:
            if at_once == 1:
                raise
        at_once = max(n for n in range(1, at_once) if EFFECTIVE_BATCH % n == 0)
        print(f"Out of GPU memory; going on with {at_once} conversations at once.")
        trainer = None
        gc.collect()
        torch.cuda.empty_cache()
        trainer = make_trainer(at_once)


def measured():
    """How well the validation data are predicted, token by token; empty without any."""
    if validation_set is None:
        return {}
    loss = in_memory(lambda trainer: trainer.evaluate())["eval_loss"]
    found = {"loss": loss, "perplexity": math.exp(min(loss, 20))}
    logged = trainer.state.log_history[-1]
    if "eval_mean_token_accuracy" in logged:
        found["token_accuracy"] = logged["eval_mean_token_accuracy"]
    return found


# %% [markdown] tags=["each"]
# ### Before
#
# What the model says and how well it predicts your validation data, untrained.

# %% tags=["baseline", "each"]
STOP_TOKENS = sorted(
    {tokenizer.eos_token_id, tokenizer.convert_tokens_to_ids(END_OF_TURN)} - {None}
)


def prompt_of(row):
    """A conversation up to its last answer, and that answer."""
    messages = fitted(row["messages"], row.get("tools"))
    roles = [message["role"] for message in messages]
    last = len(roles) - 1 - roles[::-1].index("assistant")
    return messages[:last], row.get("tools"), messages[last]["content"]


def answer(any_model, messages, tools):
    any_model.eval()
    text = render(messages, tools, prompt=True)
    tokens = tokenizer(text, add_special_tokens=False, return_tensors="pt")
    tokens = tokens.to(next(any_model.parameters()).device)
    with torch.no_grad():
        out = any_model.generate(
            input_ids=tokens["input_ids"],
            attention_mask=tokens["attention_mask"],
            max_new_tokens=MAX_NEW_TOKENS,
            do_sample=False,
            eos_token_id=STOP_TOKENS,
            pad_token_id=tokenizer.pad_token_id,
        )
    new = out[0, tokens["input_ids"].shape[1] :]
    return tokenizer.decode(new, skip_special_tokens=True).strip()


PROMPTS = [prompt_of(ROWS[number]) for number in SHOWN[:3]]


def answers(any_model):
    return [answer(any_model, messages, tools) for messages, tools, _ in PROMPTS]


before_answers = answers(model)
before = measured()
print("Validation before training:", before or "no validation data")

# %% [markdown] tags=["each"]
# ### Train
#
# An interrupted training goes on from its last checkpoint when you run all cells again.

# %% tags=["train", "unsloth", "each"]
FastLanguageModel.for_training(model)

# %% tags=["train", "each"]
from transformers.trainer_utils import get_last_checkpoint


def train(trainer):
    newest = get_last_checkpoint(CHECKPOINTS) if os.path.isdir(CHECKPOINTS) else None
    if newest:
        print("Going on from", newest)
    return trainer.train(resume_from_checkpoint=newest)


if CUDA:
    torch.cuda.reset_peak_memory_stats()
began = time.time()
try:
    in_memory(train)
except BaseException as error:
    # Its name alone: a message could quote your data.
    if PROGRESS_URL and trainer:
        Progress().post("fail", trainer.state, None, error=type(error).__name__)
    raise
TRAINING_SECONDS = round(time.time() - began)
PEAK_GIB = round(torch.cuda.max_memory_reserved() / 2**30, 2) if CUDA else None
print(f"At step {trainer.state.global_step} after {TRAINING_SECONDS} s.")
if CUDA:
    print(f"Peak GPU memory: {PEAK_GIB} GiB.")

# %% [markdown] tags=["each"]
# ### After
#
# Validation loss should fall and then level out. Where it rises again while the training
# loss still falls, the model begins to learn by heart: fewer epochs are better.

# %% tags=["plot", "each"]
import matplotlib.pyplot as plt

TRAIN_CURVE = [(e["step"], e["loss"]) for e in trainer.state.log_history if "loss" in e]
VALIDATION_CURVE = [
    (e["step"], e["eval_loss"]) for e in trainer.state.log_history if "eval_loss" in e
]
for step, loss in VALIDATION_CURVE:
    print(f"step {step}: validation loss {loss:.3f}")
if before:
    VALIDATION_CURVE.insert(0, (0, before["loss"]))
figure, axes = plt.subplots(figsize=(7, 3.5))
for curve, label in ((TRAIN_CURVE, "training"), (VALIDATION_CURVE, "validation")):
    if curve:
        axes.plot(*zip(*curve, strict=True), label=label, marker=".")
axes.set_xlabel("step")
axes.set_ylabel("loss")
axes.legend()
figure.savefig(os.path.join(OUTPUT_DIR, "loss.png"), bbox_inches="tight")
plt.show()

# %% tags=["evaluate", "each"]
after = measured()
after_answers = answers(trainer.model)


def same_as_trained(found):
    return sum(a == b for a, b in zip(after_answers, found, strict=True))


for (messages, _, expected), old, new in zip(
    PROMPTS, before_answers, after_answers, strict=True
):
    print("Prompt:  ", messages[-1]["content"][:500])
    print("Expected:", expected[:500])
    print("Before:  ", old[:500])
    print("After:   ", new[:500], "\n")
for name in after:
    print(f"Validation {name}: {before[name]:.3f} → {after[name]:.3f}")


# %% tags=["bakeoff", "each", "collect"]
def nats_to_tell(row):
    """What the trained model still has to be told of a conversation's answers."""
    device = next(trainer.model.parameters()).device
    tokens, labels = (
        torch.tensor([row[n]]).to(device) for n in ("input_ids", "labels")
    )
    with torch.no_grad():
        loss = trainer.model(
            input_ids=tokens, attention_mask=torch.ones_like(tokens), labels=labels
        ).loss
    return loss.item() * (labels[:, 1:] != -100).sum().item()


trainer.model.eval()
RESULTS[MODEL_ID] = {
    "nats": dict(zip(SHOWN, map(nats_to_tell, validation_rows), strict=True)),
    "token_accuracy": after.get("token_accuracy", math.nan),
    "seconds": TRAINING_SECONDS,
    "peak_gib": PEAK_GIB,
    "cut": train_cut + validation_cut,
    "dropped": len(train_dropped) + len(validation_dropped),
    "answers": after_answers,
}
trainer = model = None  # room for the next
gc.collect()
if CUDA:
    torch.cuda.empty_cache()

# %% [markdown] tags=["bakeoff"]
# # Comparison
#
# On the conversations that none of them was trained on. Models cut text into different
# tokens, so their losses cannot be compared; the bits that each still needs to be told
# for a character of the answers can. Less is better.

# %% tags=["bakeoff", "comparison"]
COMMON = sorted(set.intersection(*(set(found["nats"]) for found in RESULTS.values())))


def answer_characters(number):
    said = [m for m in ROWS[number]["messages"] if m["role"] == "assistant"]
    said = [m for m in said if m.get("weight") != 0]
    calls = [json.dumps(m["tool_calls"]) for m in said if m.get("tool_calls")]
    return len("".join([text_of(m.get("content")) for m in said] + calls))


CHARACTERS = sum(map(answer_characters, COMMON))
for found in RESULTS.values():
    nats = sum(found["nats"][number] for number in COMMON)
    found["bits"] = nats / math.log(2) / CHARACTERS
RANKED = sorted(RESULTS, key=lambda name: RESULTS[name]["bits"])
print(f"{len(COMMON)} conversations, {CHARACTERS:,} characters of answers")
for name in RANKED:
    found = RESULTS[name]
    print(f"{found['bits']:.4f} bits a character, {found['token_accuracy']:.0%} of tokens "
          f"guessed, {found['seconds']} s, {found['peak_gib']} GiB, {found['cut']} cut, "
          f"{found['dropped']} dropped: {name}")  # fmt: skip


def lead():
    """Nats a conversation by which the first leads the second, and twice their error."""
    first, second = (RESULTS[name]["nats"] for name in RANKED[:2])
    gaps = [second[number] - first[number] for number in COMMON]
    mean = sum(gaps) / len(gaps)
    variance = sum((gap - mean) ** 2 for gap in gaps) / max(1, len(gaps) - 1)
    return mean, 2 * math.sqrt(variance / len(gaps))


LEAD, DOUBT = lead()
IS_CLEAR = LEAD > DOUBT
print(f"{RANKED[0]} leads by {LEAD:.2f} ± {DOUBT:.2f} nats a conversation:",
      "clearly." if IS_CLEAR else "too close to call; take the smaller one.")  # fmt: skip
for place, (messages, _, expected) in enumerate(PROMPTS):
    print("\nPrompt:  ", messages[-1]["content"][:500])
    print("Expected:", expected[:500])
    for name in RANKED:
        print(f"{name}:", RESULTS[name]["answers"][place][:500])

# %% [markdown] tags=["single"]
# ## Save
#
# The adapter (a few megabytes), the tokenizer, a model card, and `run.json` with
# everything that is needed to repeat this run.

# %% tags=["save", "single"]
ADAPTER = os.path.join(OUTPUT_DIR, "adapter")
trainer.model.save_pretrained(ADAPTER)
tokenizer.save_pretrained(ADAPTER)
RUN = {
    "model": MODEL_ID,
    "model_commit": getattr(trainer.model.config, "_commit_hash", None),
    "data_sha256": DATA_SHA256,
    "rows": {
        "given": len(ROWS),
        "trained": len(train_rows),
        "validation": len(validation_rows),
        "dropped": len(train_dropped) + len(validation_dropped),
        "cut": train_cut + validation_cut,
    },
    "tokens": {"seen_per_epoch": seen, "graded_per_epoch": supervised},
    "dropped": train_dropped + validation_dropped,
    "parameters": PARAMETERS,
    "versions": VERSIONS,
    "device": torch.cuda.get_device_name(0) if CUDA else "CPU",
    "seconds": TRAINING_SECONDS,
    "peak_gpu_gib": PEAK_GIB,
    "steps": trainer.state.global_step,
    "conversations_at_once": at_once,
    "before": before,
    "after": after,
    "history": trainer.state.log_history,
}
with open(os.path.join(OUTPUT_DIR, "run.json"), "w", encoding="utf-8") as file:
    json.dump(RUN, file, indent=1)


def model_card():
    measures = "\n".join(f"| {n} | {before[n]:.4f} | {after[n]:.4f} |" for n in after)
    settings = "\n".join(f"| {name} | {value} |" for name, value in PARAMETERS.items())
    return f"""---
base_model: {json.dumps(MODEL_ID)}
library_name: peft
pipeline_tag: text-generation
tags: [lora, sft, trl, slmgen]
---
# LoRA adapter for {MODEL_ID}

Trained on {len(train_rows):,} conversations, measured on {len(validation_rows):,} others.
Data SHA-256: `{DATA_SHA256}`. The license of the base model holds for this adapter too.

| on the validation data | before | after |
|---|---|---|
{measures}

{trainer.state.global_step} steps in {TRAINING_SECONDS} s on {RUN["device"]}. Only the
assistant's words were graded ({supervised:,} of {seen:,} tokens an epoch).

| parameter | value |
|---|---|
{settings}

Versions: {", ".join(f"{name} {version}" for name, version in VERSIONS.items())}.
"""


with open(os.path.join(ADAPTER, "README.md"), "w", encoding="utf-8") as file:
    file.write(model_card())
print("Saved:", *sorted(os.listdir(ADAPTER)))

# %% [markdown] tags=["single"]
# ### Does the saved adapter answer the same?

# %% tags=["reload", "single"]
# Room for the next model: two of them may be more than a GPU holds.
trainer = model = None
gc.collect()
if CUDA:
    torch.cuda.empty_cache()

# %% tags=["reload", "trl", "single"]
from peft import PeftModel

reloaded = PeftModel.from_pretrained(load(QUANTIZATION), ADAPTER)

# %% tags=["reload", "unsloth", "single"]
reloaded, _ = load(ADAPTER, FOUR_BIT)
FastLanguageModel.for_inference(reloaded)

# %% tags=["reload", "single"]
same = same_as_trained(answers(reloaded))
print(f"{same} of {len(PROMPTS)} answers are the same after reloading.")

# %% [markdown] tags=["single"]
# ## Merge
#
# One stand-alone 16-bit model instead of model and adapter. Set `SAVE_MERGED = True`.

# %% tags=["merge", "single"]
MERGED = os.path.join(OUTPUT_DIR, "merged")
MERGED_DTYPE = torch.float16 if FLOAT16_IS_SAFE else torch.bfloat16

# %% tags=["merge", "trl", "single"]
if SAVE_MERGED or GGUF:
    reloaded = None
    gc.collect()
    # In main memory, from unquantized weights: a 4-bit model would merge its rounding in.
    merged = PeftModel.from_pretrained(
        LOADER.from_pretrained(MODEL_ID, revision=MODEL_REVISION, dtype=MERGED_DTYPE),
        ADAPTER,
    ).merge_and_unload()
    merged.save_pretrained(MERGED)
    tokenizer.save_pretrained(MERGED)
    merged = None
    gc.collect()
    standalone = LOADER.from_pretrained(
        MERGED, dtype=DTYPE, device_map={"": 0} if CUDA else None
    )

# %% tags=["merge", "unsloth", "single"]
if SAVE_MERGED or GGUF:
    reloaded.save_pretrained_merged(MERGED, tokenizer, save_method="merged_16bit")
    reloaded = None
    gc.collect()
    standalone, _ = load(MERGED, False)
    FastLanguageModel.for_inference(standalone)

# %% tags=["merge", "single"]
if SAVE_MERGED or GGUF:
    merged_answers = answers(standalone)
    merged_same = same_as_trained(merged_answers)
    standalone = None
    gc.collect()
    print("Saved:", *sorted(os.listdir(MERGED)))
    print(f"{merged_same} of {len(PROMPTS)} answers are the same after merging.")

# %% [markdown] tags=["single"]
# ## For llama.cpp and Ollama
#
# One GGUF file and a Modelfile with the chat template the model was trained with. Set
# `GGUF = "q8_0"` (8 bit), `"f16"` or `"bf16"`. Ollama makes a 4-bit model of the latter
# two: `ollama create my-model -f Modelfile --quantize q4_K_M`.

# %% tags=["gguf", "single"]
import glob
import subprocess
import sys

CONVERTER = ""
LLAMA_CPP = "llama.cpp"


def python(*arguments):
    command = [sys.executable, *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        print(done.stdout, done.stderr)
        raise RuntimeError(f"{arguments[0]} failed; what it said stands above.")


def fetch_converter():
    """llama.cpp's converter, out of the source package of its Python binding."""
    download = ("-m", "pip", "download", "--no-deps", "--no-binary", ":all:")
    python(*download, "--dest", f"{LLAMA_CPP}-source", CONVERTER)
    archive = glob.glob(f"{LLAMA_CPP}-source/*.tar.gz")[0]
    shutil.unpack_archive(archive, f"{LLAMA_CPP}-source")
    os.rename(glob.glob(f"{LLAMA_CPP}-source/*/vendor/llama.cpp")[0], LLAMA_CPP)


def add_vocabulary_file():
    """The converter reads it for some models; a fast tokenizer does not save it."""
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError

    name = "tokenizer.model"
    try:
        source = os.path.join(MODEL_ID, name)
        if not os.path.isdir(MODEL_ID):
            source = hf_hub_download(MODEL_ID, name, revision=MODEL_REVISION)
        shutil.copy(source, MERGED)
    except (FileNotFoundError, EntryNotFoundError):
        pass  # this model has none


def make_gguf():
    path = os.path.join(OUTPUT_DIR, f"model-{GGUF}.gguf")
    config_path = os.path.join(MERGED, "config.json")
    with open(config_path, encoding="utf-8") as file:
        text = file.read()
    kind = json.loads(text)["model_type"]
    more = ["--no-mtp"] if kind.startswith("qwen3_5") else []
    with open(config_path, "w", encoding="utf-8") as file:
        # The converter knows Granite 4's layers by their former name.
        old = '"full_attention"' if kind == "granitemoehybrid" else "\0"
        file.write(text.replace(old, '"attention"'))
    try:
        script = os.path.join(LLAMA_CPP, "convert_hf_to_gguf.py")
        python(script, MERGED, "--outtype", GGUF, "--outfile", path, *more)
    finally:
        with open(config_path, "w", encoding="utf-8") as file:
            file.write(text)
    return path


if GGUF:
    if not os.path.isdir(LLAMA_CPP):
        fetch_converter()
    add_vocabulary_file()
    GGUF_FILE = make_gguf()
    print(f"{GGUF_FILE}: {os.path.getsize(GGUF_FILE) / 2**20:,.0f} MiB")

# %% tags=["gguf", "single"]
SYSTEM_MARK, USER_MARK, ANSWER_MARK = "zqSYSTEMzq", "zqUSERzq", "zqANSWERzq"


def common_end(one, other):
    count = 0
    while count < min(len(one), len(other)) and one[-1 - count] == other[-1 - count]:
        count += 1
    return one[len(one) - count :]


def template_parts():
    """The fixed text of the chat template, found by rendering marked conversations.

    A conversation is begin, then for each turn user or answer, then ask; begin is
    before_system + system + after_system where there is a system prompt.
    """
    user = {"role": "user", "content": USER_MARK}
    reply = {"role": "assistant", "content": ANSWER_MARK}
    system = {"role": "system", "content": SYSTEM_MARK}
    start, to_answer, to_next, ask = re.split(
        f"{USER_MARK}|{ANSWER_MARK}", render([user, reply, user], prompt=True)
    )
    before_user = common_end(start, to_next.partition(END_OF_TURN)[2] or to_next)
    whole = render(fitted([system, user], None), prompt=True)
    before_system, middle, _ = re.split(f"{USER_MARK}|{SYSTEM_MARK}", whole)
    return {
        "begin": start.removesuffix(before_user),
        "before_system": before_system.removesuffix(before_user),
        "system_is_folded": not middle.endswith(before_user),
        "after_system": middle.removesuffix(before_user),
        "before_user": before_user,
        "before_answer": to_answer,
        "after_answer": to_next.removesuffix(before_user),
        "ask": ask,
    }


def rendered_by_parts(messages, parts):
    """What Ollama makes of these messages with the Modelfile's template."""
    system = "".join(m["content"] for m in messages if m["role"] == "system")
    text = parts["begin"]
    if system:
        text = parts["before_system"]
        text += "" if parts["system_is_folded"] else system + parts["after_system"]
    for place, message in enumerate(messages):
        content = message["content"]
        if message["role"] == "user":
            if system and parts["system_is_folded"] and place <= 1:
                content = system + parts["after_system"] + content
            text += parts["before_user"] + content
        if message["role"] == "assistant":
            text += parts["before_answer"] + content + parts["after_answer"]
    return text + parts["ask"]


def modelfile(parts):
    system = "{{ .System }}" + parts["after_system"]
    folded = parts["system_is_folded"]
    in_begin, in_user = ("", system) if folded else (system, "")
    begin = parts["begin"].removeprefix(tokenizer.bos_token or "")  # Ollama adds it
    with_system = parts["before_system"].removeprefix(tokenizer.bos_token or "")
    in_user = in_user.replace(".System", "$.System")
    template = (
        "{{ if .System }}" + with_system + in_begin + "{{ else }}" + begin + "{{ end }}"
        "{{ range $place, $_ := .Messages }}"
        '{{ if eq .Role "user" }}' + parts["before_user"]
        + ("{{ if and $.System (le $place 1) }}" + in_user + "{{ end }}" if folded else "")
        + "{{ .Content }}"
        '{{ else if eq .Role "assistant" }}' + parts["before_answer"]
        + "{{ .Content }}" + parts["after_answer"] + "{{ end }}{{ end }}" + parts["ask"]
    )  # fmt: skip
    return (
        f"FROM ./{os.path.basename(GGUF_FILE)}\n"
        f'TEMPLATE """{template}"""\n'
        f'PARAMETER stop "{END_OF_TURN}"\n'
        f"PARAMETER num_ctx {MAX_SEQ_LENGTH}\n"
    )


if GGUF:
    PARTS = template_parts()
    plain_talk = [
        messages
        for messages, tools, _ in PROMPTS
        if not tools
        and {m["role"] for m in messages} <= {"system", "user", "assistant"}
    ]
    ollama_same = sum(
        rendered_by_parts(messages, PARTS) == render(messages, prompt=True)
        for messages in plain_talk
    )
    with open(os.path.join(OUTPUT_DIR, "Modelfile"), "w", encoding="utf-8") as file:
        file.write(modelfile(PARTS))
    print(f"Modelfile: {ollama_same} of {len(plain_talk)} prompts without tools are "
          "written as in training.")  # fmt: skip

# %% [markdown] tags=["single"]
# ## Publish
#
# Set `PUSH_TO_HUB = "your-name/your-model"` to put the adapter into your own Hugging Face
# account, as a private repository. Empty: nothing leaves this machine.

# %% tags=["publish", "single"]
from huggingface_hub import HfApi

if PUSH_TO_HUB:
    hub = HfApi(token=hub_token())
    hub.create_repo(PUSH_TO_HUB, private=True, exist_ok=True)
    if not hub.repo_info(PUSH_TO_HUB).private:
        raise ValueError(f"{PUSH_TO_HUB} exists and is public; choose another name.")
    hub.upload_folder(repo_id=PUSH_TO_HUB, folder_path=ADAPTER)
    print("Published, private:", PUSH_TO_HUB)
