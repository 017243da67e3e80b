"""Executes notebooks, one forked process each; runs in the notebook's own environment.

    python run_notebooks.py BACKEND TASKS.json

The libraries are imported once, which takes longer than a tiny training. Each task is
{"name", "notebook", "folder", "after"}; `after` holds code to run after the last cell
of a tag, such as other parameters. The folder gets NAME.log and NAME.json, the result.
"""

import json
import os
import sys
import time
import traceback
from pathlib import Path


def preload(backend: str) -> None:
    if backend == "unsloth":
        import unsloth  # noqa: F401
    import matplotlib
    import peft  # noqa: F401
    import torch  # noqa: F401
    import transformers.trainer  # noqa: F401
    import trl.trainer.sft_trainer  # noqa: F401

    import datasets  # noqa: F401

    matplotlib.use("Agg")


def execute(task: dict) -> dict:
    notebook = json.loads(Path(task["notebook"]).read_text(encoding="utf-8"))
    cells = [
        ("".join(cell["source"]), cell["metadata"].get("tags", []))
        for cell in notebook["cells"]
        if cell["cell_type"] == "code"
    ]
    last = {tag: n for n, (_, tags) in enumerate(cells) for tag in tags}
    names: dict = {"__name__": "__main__"}
    began = time.monotonic()
    for number, (source, tags) in enumerate(cells):
        if "install" in tags:
            continue
        exec(compile(source, f"cell {number} {tags}", "exec"), names)  # noqa: S102  # the notebook under test
        for tag in tags:
            if last[tag] == number:
                exec(task["after"].get(tag, ""), names)  # noqa: S102  # as above
    return {"seconds": round(time.monotonic() - began, 1), **outcome(names)}


KEPT = (
    "after_answers", "at_once", "before_answers", "merged_answers", "merged_same",
    "ollama_same", "same", "seen_by_test", "END_OF_TURN", "GGUF_FILE", "IS_CLEAR",
    "RANKED", "RESULTS", "RUN",
)  # fmt: skip


def outcome(names: dict) -> dict:
    kept = {name: names.get(name) for name in KEPT}
    prompts = [
        names["render"](messages, tools, prompt=True)
        for messages, tools, _ in names["PROMPTS"]
    ]
    ids = [
        names["tokenizer"](p, add_special_tokens=False)["input_ids"] for p in prompts
    ]
    plain = len(names.get("plain_talk", []))
    return {**kept, "prompts": ids, "plain": plain, "masks": masks(names)}


def masks(names: dict) -> dict:
    """Whether exactly the answers are graded, looked at from outside."""
    counts = {"rows": 0, "unfound": 0, "ungraded": 0, "strangers": 0, "ends": 0}
    for row in names["ROWS"]:
        tokens, labels = names["encode"](row)
        counts["rows"] += 1
        look_at(names, row["messages"], tokens, labels, counts)
    return counts


def is_graded(message):
    return message["role"] == "assistant" and message.get("weight") != 0


def look_at(names, messages, tokens, labels, counts):
    """Finds every message in the text and compares the labels of its tokens."""
    tokenizer = names["tokenizer"]
    text = tokenizer.decode(tokens, clean_up_tokenization_spaces=False)
    again = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
    assert again["input_ids"] == tokens
    position = 0
    for message in messages:
        content = (message.get("content") or "").strip()
        start = text.find(content, position)
        if start < 0:
            counts["unfound"] += 1
            continue
        position = start + len(content)
        for label, (a, b) in zip(labels, again["offset_mapping"], strict=True):
            if start <= a < b <= position:
                counts["ungraded"] += is_graded(message) and label == -100
                counts["strangers"] += not is_graded(message) and label != -100
    end = tokenizer.convert_tokens_to_ids(names["END_OF_TURN"])
    turns = sum(map(is_graded, messages))
    counts["ends"] += abs(labels.count(end) - turns)


def in_child(task: dict) -> None:
    folder = Path(task["folder"])
    log = (folder / f"{task['name']}.log").open("w", encoding="utf-8")
    os.dup2(log.fileno(), 1)
    os.dup2(log.fileno(), 2)
    os.chdir(folder)
    try:
        result = {"ok": True, **execute(task)}
    except BaseException:  # noqa: BLE001  # told in the report
        result = {"ok": False, "error": traceback.format_exc()[-3000:]}
    text = json.dumps(result)
    (folder / f"{task['name']}.json").write_text(text, encoding="utf-8")
    sys.stdout.flush()
    os._exit(0)


def main() -> None:
    backend, tasks = sys.argv[1], Path(sys.argv[2])
    preload(backend)
    for task in json.loads(tasks.read_text(encoding="utf-8")):
        child = os.fork()
        if not child:
            in_child(task)
        os.waitpid(child, 0)


if __name__ == "__main__":
    main()
