"""Uploads read as the product reads them, but in memory."""

import hashlib
import io
import json

from datasets.core.ingestion.ingest import Limits, Targets, ingest
from datasets.core.layouts.columns import mapped

LIMITS = Limits(max_bytes=10**8, max_row_bytes=10**6, min_examples=1)


def read(content, mapping=None):
    targets = new_targets()
    layout = mapped(mapping) if mapping else None
    found = ingest(io.BytesIO(content), targets, LIMITS, layout)
    examples = targets.examples.getvalue()
    assert_is_of(found, examples)
    return found, [json.loads(line) for line in examples.splitlines()]


def problems_of(content):
    targets = new_targets()
    ingest(io.BytesIO(content), targets, LIMITS)
    return [json.loads(line) for line in targets.problems.getvalue().splitlines()]


def assert_is_of(found, examples):
    """Whoever reads the stored file later compares it with these."""
    assert found.examples_bytes == len(examples)
    assert found.examples_sha256 == hashlib.sha256(examples).hexdigest()


def new_targets():
    return Targets(io.BytesIO(), io.BytesIO(), io.BytesIO())


def turns(*texts):
    return [
        {"role": ("user", "assistant")[n % 2], "content": text}
        for n, text in enumerate(texts)
    ]
