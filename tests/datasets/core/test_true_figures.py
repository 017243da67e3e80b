"""The figures of whole datasets: those of ours as plain code counts them, those of real
ones as they were published, counted by somebody else's script."""

import io
import json
import re
from collections import Counter

import pytest

from datasets.core.analysis.analyze import Counting, Upload, analyze
from datasets.core.ingestion.ingest import Limits, Targets, ingest
from datasets.core.tokenization.counter import LIBRARIES, token_counter
from tests.corpus.files import CHAT_FILES
from tests.sources import REAL_CHAT_FILES, own, real, real_folder

LIMITS = Limits(max_bytes=10**9, max_row_bytes=10**7, min_examples=1)
ROW = re.compile(
    r"^\| `(?P<file>[\w.]+)` \| (?P<roles>[a-z0-9 ,]+) \| (?P<length>[\d.]+) \| "
    r"(?P<turns>[\d.]+) \| (?P<copies>\d+) \| (?P<cl100k>[\d,]+) \| (?P<o200k>[\d,]+) ",
    re.MULTILINE,
)


@pytest.fixture(scope="session")
def published():
    text = (real_folder() / "README.md").read_text(encoding="utf-8")
    return {match["file"]: match for match in ROW.finditer(text)}


def analyzed(path, encoding, library):
    examples = io.BytesIO()
    with path.open("rb") as file:
        targets = Targets(examples, io.BytesIO(), io.BytesIO())
        found = ingest(file, targets, LIMITS)
    examples.seek(0)
    profile, _ = analyze(
        examples,
        Upload(found.bad_lines),
        Counting(encoding, library),
        lambda done: None,
    )
    return found, profile


@pytest.mark.parametrize("encoding", ["o200k_base", "cl100k_base"])
@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("source", [*map(own, CHAT_FILES)])
def test_our_figures_are_those_of_plain_code(source, encoding, library):
    lines = source.path.read_text(encoding="utf-8").split("\n")[:-1]
    rows = [json.loads(line)["messages"] for line in lines]
    messages = [message for row in rows for message in row]
    texts = [message["content"] or "" for message in messages]
    users = [sum(message["role"] == "user" for message in row) for row in rows]
    different = {json.dumps(row) for row in rows}
    count = token_counter(encoding, "tiktoken")

    found, profile = analyzed(source.path, encoding, library)

    roles = Counter(message["role"] for message in messages)
    assert {role: n for role, n in profile.roles.items() if n} == roles
    assert profile.average_message_length == round(sum(map(len, texts)) / len(texts), 1)
    assert profile.multi_turn_percentage == round(
        100 * sum(count > 1 for count in users) / len(rows), 1
    )
    assert profile.duplicates == len(rows) - len(different)
    assert profile.total_tokens == sum(count(texts))
    assert (found.bad_lines, profile.format_valid) == (0, True)


def number(text):
    return int(text.replace(",", ""))


@pytest.mark.parametrize("encoding", ["o200k_base", "cl100k_base"])
@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("source", [*map(real, REAL_CHAT_FILES)])
def test_our_figures_are_the_published_ones(source, encoding, library, published):
    expected = published[source.name]

    found, profile = analyzed(source.path, encoding, library)

    roles = {
        role: number(count)
        for role, count in re.findall(r"(\w+) ([\d,]*\d)", expected["roles"])
    }
    assert {role: n for role, n in profile.roles.items() if n} == roles
    assert profile.average_message_length == float(expected["length"])
    assert profile.multi_turn_percentage == float(expected["turns"])
    assert profile.duplicates == int(expected["copies"])
    assert profile.total_tokens == number(expected[encoding.partition("_")[0]])
    assert (found.bad_lines, profile.format_valid) == (0, True)
