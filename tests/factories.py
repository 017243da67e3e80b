"""Builders: a call without arguments gives something valid."""

import json

from django.contrib.auth.models import AnonymousUser
from django.core.files.uploadedfile import SimpleUploadedFile

from datasets.services import upload_dataset


def make_conversation(question="What is 2 + 2?", answer="4", **extra):
    messages = [
        {"role": "user", "content": question},
        {"role": "assistant", "content": answer},
    ]
    return {"messages": messages, **extra}


def make_lines(count=60):
    """JSON Lines of `count` different conversations."""
    rows = [
        make_conversation(f"What is {n} + {n}?", f"{n} + {n} = {2 * n}")
        for n in range(count)
    ]
    return jsonl(rows)


def jsonl(rows):
    return b"".join(
        json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in rows
    )


def make_file(content=None, name="chat.jsonl"):
    return SimpleUploadedFile(name, make_lines() if content is None else content)


def make_dataset(content=None, *, owner=None, name="chat.jsonl"):
    file = make_file(content, name)
    return upload_dataset(file=file, owner=owner or AnonymousUser())
