# %% [markdown] tags=["intro"]
# # Fine-tune {{ model_name }} on your own conversations
#
# | | |
# |---|---|
# | Data | {{ filename }}: {{ examples }} conversations, {{ tokens }} tokens |
# | Model | {{ model_name }} ({{ size }} parameters), `{{ model_id }}` |
# | Licence | {{ license }} |
# | Access | {{ access }} |
# | Training | {{ epochs }} over {{ train_examples }} conversations, about {{ steps }} steps |
# | GPU memory | about {{ memory }}, estimated |
# | Time on a free T4 | {{ minutes }}, estimated |
#
# Run the cells from top to bottom (*Runtime → Run all* in Colab). Everything you may
# want to change stands in the cell **Parameters**. Run all again after an interruption:
# training goes on from its last checkpoint. Nothing is sent anywhere unless you fill in
# a parameter that says so.

# %% [markdown] tags=["install"]
# ## 1. Install
#
# Versions that were tested together on {{ tested_on }}. An installation that fails stops
# here and shows why.

# %% tags=["install"]
import subprocess
import sys

PACKAGES = []
PLAIN = []


def pip(*arguments):
    subprocess.run([sys.executable, "-m", "pip", *arguments], check=True)


# Colab ships a torchao with which peft refuses to start.
pip("uninstall", "--yes", "--quiet", "torchao")
pip("install", "--quiet", "torch>=2.10", *PACKAGES)
pip("install", "--quiet", "--no-deps", *PLAIN)
print("Installed:", *PACKAGES, *PLAIN)

# %% [markdown]
# ## 2. Parameters
#
# Computed from your data and the model. Change what you like, then run all.

# %% tags=["parameters"]
MODEL_ID = "HuggingFaceTB/SmolLM2-360M-Instruct"
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
PUSH_TO_HUB = ""
PROGRESS_URL = ""
PROGRESS_TOKEN = ""
DATA_FILE = "examples.jsonl"
DATA_SHA256 = ""
DATA_EXAMPLES = 0

# %% [markdown]
# ## 3. Runtime

# %% tags=["runtime", "unsloth"]
import os

# One GPU: the trainer refuses to spread over two without a launcher (Kaggle T4 x2).
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "0")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import unsloth  # before the libraries that it patches

# %% tags=["runtime"]
import gc
import importlib.metadata
import importlib.util
import json
import math
import os
import random
import shutil
import time
import urllib.request


# One GPU: the trainer refuses to spread over two without a launcher (Kaggle T4 x2).
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "0")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import torch
import transformers

from datasets import Dataset

transformers.set_seed(SEED)
CUDA = torch.cuda.is_available()
CAPABILITY = torch.cuda.get_device_capability(0) if CUDA else (0, 0)
# Asked by capability: is_bf16_supported() says yes on a T4, which only emulates it.
BF16 = CUDA and CAPABILITY[0] >= 8
FP16 = CUDA and not BF16 and FLOAT16_IS_SAFE
DTYPE = torch.bfloat16 if BF16 else torch.float16 if FP16 else torch.float32
VERSIONS = {
    name: importlib.metadata.version(name)
    for name in ("torch", "transformers", "trl", "peft", "datasets", "accelerate")
}
print(VERSIONS)
if CUDA:
    free, total = torch.cuda.mem_get_info()
    print(
        f"{torch.cuda.get_device_name(0)}: {free / 2**30:.1f} of {total / 2**30:.1f} GiB free"
    )
else:
    print("No GPU: this will work, and be slow for all but tiny models.")
print(f"Disk: {shutil.disk_usage('.').free / 2**30:.1f} GiB free. Numbers: {DTYPE}.")

# %% [markdown] tags=["gated"]
# ## 4. Access to the model
#
# The makers of this model ask you to accept their terms: open the page of
# `{{ model_id }}` on Hugging Face, accept, and make a token with *read* access. In Colab,
# store it as the secret `HF_TOKEN`; elsewhere set the environment variable `HF_TOKEN`.

# %% tags=["gated"]
import getpass

from huggingface_hub import login


def hub_token():
    if os.environ.get("HF_TOKEN"):
        return os.environ["HF_TOKEN"]
    if importlib.util.find_spec("google.colab"):
        from google.colab import userdata

        return userdata.get("HF_TOKEN")
    return getpass.getpass("Hugging Face token: ")


if not os.path.isdir(MODEL_ID):
    login(hub_token())

# %% [markdown]
# ## Data
#
# Your conversations, exactly as they were uploaded; a checksum proves it.

# %% tags=["data", "embedded"]
import base64
import bz2
import hashlib

EMBEDDED = """
"""
RAW = bz2.decompress(base64.b64decode(EMBEDDED))
if hashlib.sha256(RAW).hexdigest() != DATA_SHA256:
    raise ValueError("The data in this notebook are damaged; generate it again.")
ROWS = [json.loads(line) for line in RAW.decode("utf-8").split("\n") if line]
assert len(ROWS) == DATA_EXAMPLES
print(f"{len(ROWS):,} conversations, {len(RAW):,} bytes")

# %% tags=["data", "external"]
import hashlib
import pathlib
import urllib.request


def load_data():
    if pathlib.Path(DATA_FILE).exists():
        return pathlib.Path(DATA_FILE).read_bytes()
    if os.environ.get("SLMGEN_DATA_URL"):
        with urllib.request.urlopen(
            os.environ["SLMGEN_DATA_URL"], timeout=60
        ) as answer:
            return answer.read()
    if importlib.util.find_spec("google.colab"):
        from google.colab import files

        return next(iter(files.upload().values()))
    raise FileNotFoundError(f"Put the dataset beside this notebook as {DATA_FILE}.")


RAW = load_data()
if hashlib.sha256(RAW).hexdigest() != DATA_SHA256:
    raise ValueError(f"{DATA_FILE} is not the dataset this notebook was made for.")
ROWS = [json.loads(line) for line in RAW.decode("utf-8").split("\n") if line]
assert len(ROWS) == DATA_EXAMPLES
print(f"{len(ROWS):,} conversations, {len(RAW):,} bytes")

# %% [markdown]
# ### Training and validation
#
# A part of the conversations is never trained on, to see what the model makes of text it
# does not know. Identical conversations stay on one side.

# %% tags=["split"]
groups = {}
for row in ROWS:
    groups.setdefault(json.dumps(row["messages"], sort_keys=True), []).append(row)
parts = list(groups.values())
random.Random(SEED).shuffle(parts)
wanted = max(1, round(len(ROWS) * VALIDATION_FRACTION)) if len(ROWS) >= 10 else 0
wanted = wanted if VALIDATION_FRACTION else 0
VALIDATION, TRAINING = [], []
for part in parts:
    # At least one part stays for training, however much one conversation was repeated.
    side = (
        VALIDATION if len(VALIDATION) < wanted and part is not parts[-1] else TRAINING
    )
    side.extend(part)
print(f"{len(TRAINING):,} to train on, {len(VALIDATION):,} to validate with")

# %% [markdown]
# ## Model

# %% tags=["model", "trl"]
from transformers import (
    MODEL_FOR_CAUSAL_LM_MAPPING,
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForImageTextToText,
    AutoTokenizer,
    BitsAndBytesConfig,
)

tokenizer = AutoTokenizer.from_pretrained(MODEL_ID)
# Some models that also see images exist only with their image part.
LOADER = AutoModelForCausalLM
if type(AutoConfig.from_pretrained(MODEL_ID)) not in MODEL_FOR_CAUSAL_LM_MAPPING:
    LOADER = AutoModelForImageTextToText
QUANTIZATION = None
if LOAD_IN_4BIT and CUDA:
    QUANTIZATION = BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=DTYPE,
    )
model = LOADER.from_pretrained(
    MODEL_ID,
    dtype=DTYPE,
    quantization_config=QUANTIZATION,
    device_map={"": 0} if CUDA else None,
)

# %% tags=["model", "unsloth"]
from unsloth import FastLanguageModel

model, tokenizer = FastLanguageModel.from_pretrained(
    MODEL_ID,
    max_seq_length=MAX_SEQ_LENGTH,
    dtype=None if CUDA else DTYPE,
    load_in_4bit=LOAD_IN_4BIT and CUDA,
)
tokenizer = getattr(tokenizer, "tokenizer", tokenizer)  # of a multimodal processor

# %% tags=["model"]
if tokenizer.pad_token is None:
    tokenizer.pad_token = tokenizer.eos_token
if tokenizer.chat_template is None:
    raise ValueError(f"{MODEL_ID} has no chat template; choose an instruct model.")

# %% [markdown]
# ### Learn from the answers only
#
# The model sees whole conversations and is graded on the assistant's words, up to and
# including the token that ends its turn. The check below shows one conversation as the
# model will be graded on it.

# %% tags=["mask"]
TEMPLATE = {"enable_thinking": THINKING}


def render(messages, tools=None, prompt=False):
    return tokenizer.apply_chat_template(
        messages, tools=tools, tokenize=False, add_generation_prompt=prompt, **TEMPLATE
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
        for call in message.get("tool_calls") or []:
            function = call.get("function", {})
            if isinstance(function.get("arguments"), str):
                try:
                    arguments = json.loads(function["arguments"])
                except ValueError:
                    continue  # kept as the text it is
                call["function"] = dict(function, arguments=arguments)
        out.append(message)
    return out


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


def answer_spans(messages, tools):
    """The rendered conversation and where in it the assistant's turns stand."""
    full, spans, position = render(messages, tools), [], 0
    for turn, message in enumerate(messages):
        if message["role"] != "assistant":
            continue
        body = message["content"].strip()
        try:
            before = render(messages[:turn], tools, prompt=True)
        except Exception:  # a template may refuse the beginning of a conversation
            before = None
        known = (
            before is not None and full.startswith(before) and len(before) >= position
        )
        start = len(before) if known else full.find(body, position)
        if start < 0:
            raise ValueError("an answer is not in the rendered conversation")
        where = full.find(body, start)
        end = full.find(END_OF_TURN, where + len(body) if where >= 0 else start)
        end = len(full) if end < 0 else end + len(END_OF_TURN)
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


def encode_all(rows):
    kept, dropped, cut = [], [], 0
    for number, row in enumerate(rows):
        try:
            tokens, labels = encode(row)
        except Exception as error:  # whatever the template raises is shown, not lost
            dropped.append(f"{number}: {type(error).__name__}: {error}"[:200])
            continue
        cut += len(tokens) > MAX_SEQ_LENGTH
        tokens, labels = tokens[:MAX_SEQ_LENGTH], labels[:MAX_SEQ_LENGTH]
        if all(label == -100 for label in labels):
            dropped.append(f"{number}: no answer within {MAX_SEQ_LENGTH} tokens")
            continue
        kept.append({"input_ids": tokens, "labels": labels})
    return kept, dropped, cut


train_rows, train_dropped, train_cut = encode_all(TRAINING)
validation_rows, validation_dropped, validation_cut = encode_all(VALIDATION)
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
    print("  dropped", reason)
print("The model sees:\n", tokenizer.decode(shown["input_ids"][:400]))
graded = [label for label in shown["labels"] if label != -100][:400]
print("and is graded on:\n", tokenizer.decode(graded))
assert 0 < supervised < seen, "either nothing or everything would be graded"

# %% [markdown]
# ### LoRA
#
# Small matrices beside the model's own are trained; the model itself stays as it is.

# %% tags=["lora", "trl"]
from peft import LoraConfig, get_peft_model, prepare_model_for_kbit_training

if QUANTIZATION is not None:
    model = prepare_model_for_kbit_training(model)
model = get_peft_model(
    model,
    LoraConfig(
        r=LORA_RANK,
        lora_alpha=LORA_ALPHA,
        lora_dropout=LORA_DROPOUT,
        target_modules=TARGET_MODULES,
        bias="none",
        task_type="CAUSAL_LM",
    ),
)
model.print_trainable_parameters()

# %% tags=["lora", "unsloth"]
model = FastLanguageModel.get_peft_model(
    model,
    r=LORA_RANK,
    lora_alpha=LORA_ALPHA,
    lora_dropout=LORA_DROPOUT,
    target_modules=TARGET_MODULES,
    bias="none",
    use_gradient_checkpointing="unsloth",
    random_state=SEED,
)
model.print_trainable_parameters()

# %% [markdown]
# ## Training

# %% tags=["trainer"]
from transformers import EarlyStoppingCallback, TrainerCallback
from trl import SFTConfig, SFTTrainer

train_set = Dataset.from_list(train_rows)
validation_set = Dataset.from_list(validation_rows) if validation_rows else None
EFFECTIVE_BATCH = BATCH_SIZE * GRADIENT_ACCUMULATION_STEPS
steps_per_epoch = math.ceil(len(train_set) / EFFECTIVE_BATCH)
total_steps = (
    MAX_STEPS if MAX_STEPS > 0 else max(1, round(steps_per_epoch * NUM_EPOCHS))
)
every = max(1, total_steps // 5)


class Progress(TrainerCallback):
    """Tells the address in PROGRESS_URL how training goes; silent without one."""

    def post(self, event, state, logs):
        numbers = {k: v for k, v in (logs or {}).items() if isinstance(v, int | float)}
        report = {"event": event, "step": state.global_step, "steps": state.max_steps}
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
        except OSError as error:  # a lost report must not stop the training
            print("Progress was not reported:", error)

    def on_log(self, args, state, control, logs=None, **kwargs):
        if PROGRESS_URL:
            self.post("log", state, logs)

    def on_train_end(self, args, state, control, **kwargs):
        if PROGRESS_URL:
            self.post("end", state, None)


def make_trainer(batch_size):
    """A trainer whose steps see as many conversations whatever fits on the GPU."""
    arguments = SFTConfig(
        output_dir=OUTPUT_DIR,
        per_device_train_batch_size=batch_size,
        per_device_eval_batch_size=batch_size,
        gradient_accumulation_steps=max(1, EFFECTIVE_BATCH // batch_size),
        num_train_epochs=NUM_EPOCHS,
        max_steps=MAX_STEPS,
        learning_rate=LEARNING_RATE,
        warmup_steps=round(total_steps * WARMUP_RATIO),
        lr_scheduler_type=SCHEDULER,
        weight_decay=WEIGHT_DECAY,
        optim=OPTIMIZER if CUDA else "adamw_torch",
        fp16=FP16,
        bf16=BF16,
        gradient_checkpointing=CUDA,
        max_length=MAX_SEQ_LENGTH,
        packing=PACKING,
        logging_steps=max(1, total_steps // 50),
        eval_strategy="steps" if validation_set is not None else "no",
        eval_steps=every,
        save_strategy="steps",
        save_steps=every,
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
        for parameter in made.model.parameters():
            if parameter.requires_grad:
                parameter.data = parameter.data.float()
    return made


trainer = make_trainer(BATCH_SIZE)

# %% [markdown]
# ### Before
#
# What the model says and how well it predicts your validation data, untrained.

# %% tags=["baseline"]
STOP_TOKENS = sorted(
    {tokenizer.eos_token_id, tokenizer.convert_tokens_to_ids(END_OF_TURN)} - {None}
)


def prompt_of(row):
    """A conversation up to its last answer, and that answer."""
    messages = fitted(row["messages"], row.get("tools"))
    last = max(
        n for n, message in enumerate(messages) if message["role"] == "assistant"
    )
    return messages[:last], row.get("tools"), messages[last]["content"]


def answer(any_model, messages, tools):
    any_model.eval()
    text = render(messages, tools, prompt=True)
    tokens = tokenizer(text, add_special_tokens=False, return_tensors="pt")
    tokens = tokens.to(next(any_model.parameters()).device)
    with torch.no_grad():
        out = any_model.generate(
            **tokens,
            max_new_tokens=MAX_NEW_TOKENS,
            do_sample=False,
            eos_token_id=STOP_TOKENS,
            pad_token_id=tokenizer.pad_token_id,
        )
    return tokenizer.decode(
        out[0, tokens["input_ids"].shape[1] :], skip_special_tokens=True
    ).strip()


PROMPTS = [prompt_of(row) for row in (VALIDATION or TRAINING)[:3]]
before_answers = [answer(model, messages, tools) for messages, tools, _ in PROMPTS]
before = trainer.evaluate() if validation_set is not None else {}
print("Validation loss before training:", before.get("eval_loss", "no validation data"))

# %% [markdown]
# ### Train

# %% tags=["train", "unsloth"]
FastLanguageModel.for_training(model)

# %% tags=["train"]
from transformers.trainer_utils import get_last_checkpoint


def newest_checkpoint():
    found = get_last_checkpoint(OUTPUT_DIR) if os.path.isdir(OUTPUT_DIR) else None
    if found:
        print("Going on from", found)
    return found


if CUDA:
    torch.cuda.reset_peak_memory_stats()
began = time.time()
batch_size = BATCH_SIZE
while True:
    try:
        result = trainer.train(resume_from_checkpoint=newest_checkpoint())
        break
    except torch.OutOfMemoryError:
        if batch_size == 1:
            raise
    # Half as many at once, twice as often: the result of a step stays the same.
    batch_size //= 2
    print(f"Out of GPU memory; going on with {batch_size} conversations at once.")
    gc.collect()
    torch.cuda.empty_cache()
    trainer = make_trainer(batch_size)
TRAINING_SECONDS = round(time.time() - began)
PEAK_GIB = round(torch.cuda.max_memory_reserved() / 2**30, 2) if CUDA else None
print(f"Trained {trainer.state.global_step} steps in {TRAINING_SECONDS} s; "
      f"peak GPU memory in GiB: {PEAK_GIB}")  # fmt: skip

# %% [markdown]
# ### After

# %% tags=["evaluate"]
after = trainer.evaluate() if validation_set is not None else {}
after_answers = [
    answer(trainer.model, messages, tools) for messages, tools, _ in PROMPTS
]
for (messages, _, expected), old, new in zip(
    PROMPTS, before_answers, after_answers, strict=True
):
    print("Prompt:  ", messages[-1]["content"][:500])
    print("Expected:", expected[:500])
    print("Before:  ", old[:500])
    print("After:   ", new[:500], "\n")
if after:
    print(f"Validation loss {before['eval_loss']:.3f} → {after['eval_loss']:.3f}, "
          f"perplexity {math.exp(min(after['eval_loss'], 20)):.1f}")  # fmt: skip
for entry in trainer.state.log_history:
    if "eval_loss" in entry:
        print(f"step {entry['step']}: validation loss {entry['eval_loss']:.3f}")

# %% [markdown]
# ## Save
#
# The adapter (a few megabytes), the tokenizer, and `run.json` with everything that is
# needed to repeat this run.

# %% tags=["save"]
ADAPTER = os.path.join(OUTPUT_DIR, "adapter")
trainer.model.save_pretrained(ADAPTER)
tokenizer.save_pretrained(ADAPTER)
RUN = {
    "model": MODEL_ID,
    "data_sha256": DATA_SHA256,
    "rows": {
        "trained": len(train_rows),
        "validation": len(validation_rows),
        "dropped": len(train_dropped) + len(validation_dropped),
        "cut": train_cut + validation_cut,
    },
    "parameters": {
        "lora_rank": LORA_RANK,
        "lora_alpha": LORA_ALPHA,
        "learning_rate": LEARNING_RATE,
        "num_epochs": NUM_EPOCHS,
        "max_steps": MAX_STEPS,
        "max_seq_length": MAX_SEQ_LENGTH,
        "seed": SEED,
    },
    "versions": VERSIONS,
    "seconds": TRAINING_SECONDS,
    "peak_gpu_gib": PEAK_GIB,
    "steps": trainer.state.global_step,
    "batch_size": batch_size,
    "loss_before": before.get("eval_loss"),
    "loss_after": after.get("eval_loss"),
    "history": trainer.state.log_history,
}
with open(os.path.join(OUTPUT_DIR, "run.json"), "w", encoding="utf-8") as file:
    json.dump(RUN, file, indent=1)
print("Saved:", *sorted(os.listdir(ADAPTER)))

# %% [markdown]
# ### Does the saved adapter answer the same?

# %% tags=["reload", "trl"]
from peft import PeftModel

base = LOADER.from_pretrained(
    MODEL_ID,
    dtype=DTYPE,
    quantization_config=QUANTIZATION,
    device_map={"": 0} if CUDA else None,
)
reloaded = PeftModel.from_pretrained(base, ADAPTER)

# %% tags=["reload", "unsloth"]
reloaded, _ = FastLanguageModel.from_pretrained(
    ADAPTER,
    max_seq_length=MAX_SEQ_LENGTH,
    dtype=None if CUDA else DTYPE,
    load_in_4bit=LOAD_IN_4BIT and CUDA,
)
FastLanguageModel.for_inference(reloaded)

# %% tags=["reload"]
again = [answer(reloaded, messages, tools) for messages, tools, _ in PROMPTS]
same = sum(old == new for old, new in zip(after_answers, again, strict=True))
print(f"{same} of {len(PROMPTS)} answers are the same after reloading.")

# %% [markdown]
# ## Merge
#
# One stand-alone 16-bit model instead of model and adapter. Set `SAVE_MERGED = True`.

# %% tags=["merge", "trl"]
if SAVE_MERGED:
    MERGED = os.path.join(OUTPUT_DIR, "merged")
    plain = LOADER.from_pretrained(MODEL_ID, dtype=DTYPE)
    merged = PeftModel.from_pretrained(plain, ADAPTER).merge_and_unload()
    merged.save_pretrained(MERGED)
    tokenizer.save_pretrained(MERGED)
    standalone = LOADER.from_pretrained(MERGED, dtype=DTYPE)

# %% tags=["merge", "unsloth"]
if SAVE_MERGED:
    MERGED = os.path.join(OUTPUT_DIR, "merged")
    reloaded.save_pretrained_merged(MERGED, tokenizer, save_method="merged_16bit")
    standalone, _ = FastLanguageModel.from_pretrained(
        MERGED,
        max_seq_length=MAX_SEQ_LENGTH,
        dtype=None if CUDA else DTYPE,
        load_in_4bit=False,
    )
    FastLanguageModel.for_inference(standalone)

# %% tags=["merge"]
if SAVE_MERGED:
    merged_answers = [
        answer(standalone, messages, tools) for messages, tools, _ in PROMPTS
    ]
    merged_same = sum(
        old == new for old, new in zip(after_answers, merged_answers, strict=True)
    )
    print("Saved:", *sorted(os.listdir(MERGED)))
    print(f"{merged_same} of {len(PROMPTS)} answers are the same after merging.")

# %% [markdown]
# ## Publish
#
# Set `PUSH_TO_HUB = "your-name/your-model"` to put the adapter into your own Hugging Face
# account, as a private repository. Empty: nothing leaves this machine.

# %% tags=["publish"]
if PUSH_TO_HUB:
    trainer.model.push_to_hub(PUSH_TO_HUB, private=True)
    tokenizer.push_to_hub(PUSH_TO_HUB, private=True)
    print("Published, private:", PUSH_TO_HUB)
