"""Executes notebooks, one forked process each; runs in the notebook's own environment.

    python run_notebooks.py BACKEND TASKS.json

The libraries are imported once, which takes longer than a tiny training. Each task is
{"notebook", "folder", "parameters", "skip"}; the folder gets log.txt and result.json.
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
    import peft  # noqa: F401
    import torch  # noqa: F401
    import transformers.trainer  # noqa: F401
    import trl.trainer.sft_trainer  # noqa: F401

    import datasets  # noqa: F401


def execute(task: dict) -> dict:
    notebook = json.loads(Path(task["notebook"]).read_text(encoding="utf-8"))
    names: dict = {"__name__": "__main__"}
    began = time.monotonic()
    for number, cell in enumerate(notebook["cells"]):
        tags = cell["metadata"].get("tags", [])
        if cell["cell_type"] != "code" or "install" in tags:
            continue
        source = "".join(cell["source"])
        exec(compile(source, f"cell {number} {tags}", "exec"), names)
        if "parameters" in tags:
            names.update(task["parameters"])
    return {"seconds": round(time.monotonic() - began, 1), **outcome(names)}


def outcome(names: dict) -> dict:
    return {
        "before": names["before"]["eval_loss"],
        "after": names["after"]["eval_loss"],
        "prompts": len(names["PROMPTS"]),
        "same_after_reload": names["same"],
        "same_after_merge": names["merged_same"],
        "steps": names["trainer"].state.global_step,
        "rows": names["RUN"]["rows"],
        "examples": names["DATA_EXAMPLES"],
        "masks": masks(names),
    }


def masks(names: dict) -> dict:
    """Whether exactly the answers are graded, looked at from outside."""
    tokenizer = names["tokenizer"]
    missing = strangers = 0
    rows = names["TRAINING"] + names["VALIDATION"]
    for row in rows:
        tokens, labels = names["encode"](row)
        graded = tokenizer.decode([label for label in labels if label != -100])
        rest = tokenizer.decode(
            [t for t, label in zip(tokens, labels, strict=True) if label == -100]
        )
        for message in row["messages"]:
            text = message["content"]
            missing += message["role"] == "assistant" and text not in graded
            strangers += message["role"] == "user" and text not in rest
    return {"rows": len(rows), "missing": missing, "strangers": strangers}


def in_child(task: dict) -> None:
    folder = Path(task["folder"])
    log = (folder / "log.txt").open("w", encoding="utf-8")
    os.dup2(log.fileno(), 1)
    os.dup2(log.fileno(), 2)
    os.chdir(folder)
    try:
        result = {"ok": True, **execute(task)}
    except BaseException:
        result = {"ok": False, "error": traceback.format_exc()[-3000:]}
    (folder / "result.json").write_text(json.dumps(result), encoding="utf-8")
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
