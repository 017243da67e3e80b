"""Lets llama.cpp answer: python run_gguf.py TASKS.json ANSWERS.json.

A task is {"gguf", "prompts", "tokens", "stop"}; its answers are a list of texts.
"""

import json
import sys
from pathlib import Path

import xllamacpp


def answers(task: dict) -> list[str]:
    params = xllamacpp.CommonParams()
    params.model.path = task["gguf"]
    params.n_ctx = 1024
    params.cpuparams.n_threads = 1
    params.warmup = False
    server = xllamacpp.Server(params)
    return [answer(server, task, prompt) for prompt in task["prompts"]]


def answer(server: xllamacpp.Server, task: dict, prompt: list[int]) -> str:
    request = {
        "prompt": prompt,
        "max_tokens": task["tokens"],
        "temperature": 0.0,
        "stop": [task["stop"]],
    }
    return server.handle_completions(request)["choices"][0]["text"].strip()


found = [answers(task) for task in json.loads(Path(sys.argv[1]).read_text("utf-8"))]
Path(sys.argv[2]).write_text(json.dumps(found), encoding="utf-8")
