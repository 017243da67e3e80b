"""What the benchmark measures: our work, the same work done plainly, and its parts."""

import hashlib
import json
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import tiktoken
import toktok
import xxhash

from datasets.core.analysis.analyze import Counting, Upload, analyze, pieces
from datasets.core.analysis.example_index import RECORD
from datasets.core.analysis.language import guesses
from datasets.core.canonical import transcript
from datasets.core.conversation import Message, whole_text
from datasets.core.ingestion.ingest import Limits, Targets, ingest
from datasets.core.tokenization.counter import VOCABULARIES, _encoding
from datasets.core.validation import native
from datasets.core.validation.schema import examine
from datasets.core.validation.text_rules import RULES, answer_faults
from datasets.core.validation.tool_calls import call_faults
from datasets.core.validation.turn_order import order_faults

OF_ALL = [rule for rule in RULES if not rule.answers_only]
ROLES = {"system", "developer", "user", "assistant", "tool", "function"}


def tiktoken_encoding(name: str) -> tiktoken.Encoding:
    return _encoding(name, VOCABULARIES[name])


def ours(path: Path, processes: int, tokens: bool = True) -> str:
    """Validation with every fault; then tokens, duplicates, score and the index."""
    limits = Limits(10**11, 10**7, 1, processes)
    with ExitStack() as stack:
        files = [stack.enter_context(tempfile.TemporaryFile()) for _ in range(3)]
        return _ours(path, Targets(*files), limits, tokens)


def without_native_code(path: Path) -> str:
    native.built_library = lambda: None
    return ours(path, 1)


def _ours(path: Path, targets: Targets, limits: Limits, tokens: bool) -> str:
    with path.open("rb") as source:
        found = ingest(source, targets, limits)
    if not tokens:
        return f"{found.examples} examples"
    targets.examples.seek(0)
    upload = Upload(found.bad_lines, (), found.faulty_examples, found.groups)
    counting = Counting(processes=limits.processes)
    profile, _ = analyze(targets.examples, upload, counting, lambda done: None)
    return (
        f"{profile.total_examples} examples, {profile.total_tokens} tokens, "
        f"{profile.duplicates} copies, {found.faulty_examples} faulty, "
        f"score {profile.quality_score}"
    )


def plain(path: Path, check: Callable[[Any], bool]) -> str:
    """json and tiktoken in one thread: faults, exact tokens, exact duplicates."""
    encoding = tiktoken_encoding("o200k_base")
    seen: set[bytes] = set()
    tokens = copies = examples = faulty = 0
    with path.open(encoding="utf-8") as file:
        for line in file:
            messages = json.loads(line)["messages"]
            faulty += check(messages)
            texts = [message.get("content") or "" for message in messages]
            tokens += sum(len(encoding.encode_ordinary(text)) for text in texts)
            key = json.dumps(
                [(m["role"], m.get("content"), m.get("tool_calls")) for m in messages],
                sort_keys=True,
            )
            digest = hashlib.sha256(key.encode()).digest()
            copies += digest in seen
            seen.add(digest)
            examples += 1
    return f"{examples} examples, {tokens} tokens, {copies} copies, {faulty} faulty"


def has_bad_form(messages: Any) -> bool:
    """What a short script looks at."""
    if not isinstance(messages, list) or not messages:
        return True
    roles = set()
    for message in messages:
        content = message.get("content")
        if message["role"] not in ROLES:
            return True
        if not isinstance(content, str) and not message.get("tool_calls"):
            return True
        roles.add(message["role"])
    return not roles >= {"user", "assistant"}


def has_fault(messages: Any) -> bool:
    """All that we look at, each rule tried on each text."""
    conversation, faults = examine({"messages": messages})
    if conversation is None or faults:
        return True
    read = conversation.messages
    if order_faults(tuple(message.role for message in read)) or call_faults(read):
        return True
    return any(map(_is_bad, read))


def _is_bad(message: Message) -> bool:
    text, answers = message.text, message.role == "assistant"
    if message.is_blank or message.weight not in (None, 0, 1):
        return True
    for rule in RULES if answers else OF_ALL:
        if rule.pattern.search(text[: rule.first_characters]):
            return True
    return answers and bool(answer_faults(text, 0))


def cookbook(path: Path) -> str:
    """The checks and counts that OpenAI's cookbook describes for chat fine-tuning."""
    encoding = tiktoken_encoding("cl100k_base")
    with path.open(encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    errors = cookbook_errors(rows)
    totals: Counter[str] = Counter()
    for row in rows:
        totals["tokens"] += 3
        for message in row["messages"]:
            totals["tokens"] += 3
            for key, value in message.items():
                if isinstance(value, str):
                    count = len(encoding.encode(value, disallowed_special=()))
                    totals["tokens"] += count + (key == "name")
            if message["role"] == "assistant" and message.get("content"):
                text = message["content"]
                totals["answers"] += len(encoding.encode(text, disallowed_special=()))
    found = sum(errors.values())
    return f"{len(rows)} examples, {totals['tokens']} tokens, {found} errors"


def cookbook_errors(rows: list[Any]) -> dict[str, int]:
    errors: dict[str, int] = defaultdict(int)
    known = {"role", "content", "name", "function_call", "weight"}
    for row in rows:
        messages = row.get("messages")
        if not messages:
            errors["missing_messages_list"] += 1
            continue
        for message in messages:
            errors["missing_key"] += "role" not in message or "content" not in message
            errors["unknown_key"] += any(key not in known for key in message)
            errors["unknown_role"] += message.get("role") not in ROLES
            content = message.get("content")
            errors["missing_content"] += not content or not isinstance(content, str)
        errors["no_answer"] += not any(m.get("role") == "assistant" for m in messages)
    return errors


class _Message(msgspec.Struct):
    role: str
    content: str | None = None


class _Row(msgspec.Struct):
    messages: list[_Message]


def bound(path: Path) -> str:
    """Only parsing, hashing and counting, by the fastest library for each."""
    decoder = msgspec.json.Decoder(_Row)
    tokens = 0
    with path.open("rb") as file:
        while lines := file.readlines(1 << 20):
            rows = [decoder.decode(line) for line in lines]
            for line in lines:
                xxhash.xxh3_128_digest(line)
            texts = [m.content or "" for row in rows for m in row.messages]
            tokens += sum(toktok.batch_count(texts, "o200k_base", threads=1))
    return f"{tokens} tokens"


def near_duplicates(path: Path) -> str:
    """Sketches, candidates and their true similarity, on one core."""
    from datasets.core.insights.insights import (
        near_copies,  # only here, as in the product
    )

    with path.open("rb") as file:
        lengths = np.array([len(line) for line in file], np.uint64)
        records = np.zeros(len(lengths), RECORD)
        records["length"] = lengths - 1
        records["offset"][1:] = np.cumsum(lengths)[:-1]
        file.seek(0)
        return f"{len(near_copies(file, records))} near copies"


def languages(path: Path) -> str:
    counts: Counter[str] = Counter()
    with path.open("rb") as file:
        for piece in pieces(file):
            found = [transcript(line) for line in piece.examples]
            guessed = guesses([whole_text(each) for each in found])
            counts.update(guess.language for guess in guessed)
    return f"{len(counts)} languages"


def together(path: Path) -> str:
    """Together's own check, where its package is installed."""
    from together.lib.utils import check_file  # the package is heavy and optional

    report = check_file(path)
    return f"{report.get('num_samples')} examples, passed {report['is_check_passed']}"


WORKLOADS: dict[str, Callable[[Path], str]] = {
    "ours, one core": lambda path: ours(path, 1),
    "ours, two cores": lambda path: ours(path, 2),
    "ours, no native code": without_native_code,
    "ours, validation alone": lambda path: ours(path, 1, tokens=False),
    "ours, validation, two cores": lambda path: ours(path, 2, tokens=False),
    "plain, form only": lambda path: plain(path, has_bad_form),
    "plain, all our faults": lambda path: plain(path, has_fault),
    "OpenAI cookbook's logic": cookbook,
    "Together's file check": together,
    "near duplicates": near_duplicates,
    "languages": languages,
    "bound: parse, hash, count": bound,
}
