"""Makes tiny models with random weights; runs in the notebook's own environment.

python tiny_model.py ROWS.json TEMPLATES FOLDER

A row holds `texts`, the file of conversations that its tokenizer is made from.
"""

import json
import sys
from pathlib import Path

import torch
import transformers
import trl
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

# With the usual 0.02 the final norm keeps all scores near zero and LoRA cannot learn.
EMBEDDING_STD = 0.15
VOCABULARY = 700


def make(row: dict, tokenizer: PreTrainedTokenizerFast, folder: Path) -> None:
    text = {**row["base"], **row["config"], "vocab_size": len(tokenizer)}
    if text.get("vocab_size_per_layer_input") == 0:
        text["vocab_size_per_layer_input"] = len(tokenizer)
    for name in ("bos", "eos", "pad"):
        text[f"{name}_token_id"] = getattr(tokenizer, f"{name}_token_id")
    kind = getattr(transformers, row["class"])
    torch.manual_seed(0)
    model = kind(kind.config_class(**config_of(row, text)))
    with torch.no_grad():
        for part in (model.get_input_embeddings(), model.get_output_embeddings()):
            part.weight.normal_(0, EMBEDDING_STD)
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    model.to(torch.bfloat16).save_pretrained(folder)  # as their makers publish them
    tokenizer.save_pretrained(folder)


def config_of(row: dict, text: dict) -> dict:
    if "vision" not in row:
        return text
    parts = {"text_config": text, "vision_config": row["vision"]}
    if "audio" in row:
        parts["audio_config"] = row["audio"]
    return {**parts, "tie_word_embeddings": text.get("tie_word_embeddings", True)}


def make_tokenizer(row: dict, texts: list[str]) -> PreTrainedTokenizerFast:
    byte_pairs = Tokenizer(models.BPE())
    byte_pairs.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    byte_pairs.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=row.get("vocabulary", VOCABULARY),
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
    return PreTrainedTokenizerFast(tokenizer_object=byte_pairs, **names)


def template_of(row: dict, more_templates: Path) -> str:
    if row["template_text"]:
        return row["template_text"]
    real = Path(trl.__file__).parent / "chat_templates" / f"{row['template']}.jinja"
    if not real.exists():
        real = more_templates / f"{row['template']}.jinja"
    return real.read_text(encoding="utf-8")


def texts_of(examples: Path) -> list[str]:
    return [
        message.get("content") or ""
        for line in examples.read_text(encoding="utf-8").split("\n")
        if line
        for message in json.loads(line)["messages"]
    ]


def main() -> None:
    rows, templates, folder = map(Path, sys.argv[1:4])
    for name, row in json.loads(rows.read_text(encoding="utf-8")).items():
        tokenizer = make_tokenizer(row, texts_of(Path(row["texts"])))
        tokenizer.chat_template = template_of(row, templates)
        make(row, tokenizer, folder / name)


if __name__ == "__main__":
    main()
