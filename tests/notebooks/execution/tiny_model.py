"""Makes a tiny model with random weights; runs in the notebook's own environment.

python tiny_model.py ROW.json EXAMPLES.jsonl FOLDER
"""

import json
import sys
from pathlib import Path

import torch
import trl
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedTokenizerFast

# With the usual 0.02 the final norm keeps all scores near zero and LoRA cannot learn.
EMBEDDING_STD = 0.15
VOCABULARY = 700


def make(row: dict, texts: list[str], folder: Path) -> None:
    tokenizer = make_tokenizer(row, texts)
    tokenizer.save_pretrained(folder)
    config = {**row["base"], **row["config"], "vocab_size": len(tokenizer)}
    if config.get("vocab_size_per_layer_input") == 0:
        config["vocab_size_per_layer_input"] = len(tokenizer)
    for name in ("bos", "eos", "pad"):
        config[f"{name}_token_id"] = getattr(tokenizer, f"{name}_token_id")
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(
        AutoConfig.for_model(row["type"], **config)
    )
    with torch.no_grad():
        for part in (model.get_input_embeddings(), model.get_output_embeddings()):
            part.weight.normal_(0, EMBEDDING_STD)
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    model.save_pretrained(folder)


def make_tokenizer(row: dict, texts: list[str]) -> PreTrainedTokenizerFast:
    byte_pairs = Tokenizer(models.BPE())
    byte_pairs.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    byte_pairs.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=row["tokenizer"]["special"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    roles = ["user assistant system model\n\n"] * 10
    byte_pairs.train_from_iterator(texts + roles, trainer)
    names = {
        f"{name}_token": row["tokenizer"][name]
        for name in ("bos", "eos", "pad")
        if name in row["tokenizer"]
    }
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=byte_pairs, **names)
    tokenizer.chat_template = row["template_text"] or real_template(row["template"])
    return tokenizer


def real_template(name: str) -> str:
    folder = Path(trl.__file__).parent / "chat_templates"
    return (folder / f"{name}.jinja").read_text(encoding="utf-8")


def main() -> None:
    rows, examples, folder = map(Path, sys.argv[1:4])
    texts = [
        message.get("content") or ""
        for line in examples.read_text(encoding="utf-8").splitlines()
        for message in json.loads(line)["messages"]
    ]
    for slug, row in json.loads(rows.read_text(encoding="utf-8")).items():
        make(row, texts, folder / slug)


if __name__ == "__main__":
    main()
