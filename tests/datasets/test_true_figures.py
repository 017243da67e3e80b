"""The published figures of real datasets, counted by somebody else's script."""

import io
import re

import pytest

from datasets.core.analysis import Counting, Upload, analyze
from datasets.core.ingest import Limits, Targets, ingest
from datasets.core.tokens import LIBRARIES

LIMITS = Limits(max_bytes=10**9, max_row_bytes=10**7, min_examples=1)
ROW = re.compile(
    r"^\| `(?P<file>[\w.]+)` \| (?P<roles>[a-z0-9 ,]+) \| (?P<length>[\d.]+) \| "
    r"(?P<turns>[\d.]+) \| (?P<copies>\d+) \| (?P<cl100k>[\d,]+) \| (?P<o200k>[\d,]+) ",
    re.MULTILINE,
)
FILES = [
    "banking77.chat.jsonl",
    "glaive_toolcall_en.chat.jsonl",
    "gsm8k_1500.chat.jsonl",
    "identity_91.chat.jsonl",
    "jcommonsenseqa_ja.chat.jsonl",
    "kdconv_film_zh.chat.jsonl",
    "korean_chatbot_5000.chat.jsonl",
    "user_oriented_252.chat.jsonl",
    "xquad_ar.chat.jsonl",
]


@pytest.fixture(scope="session")
def published(shared_data):
    text = (shared_data / "README.md").read_text(encoding="utf-8")
    return {match["file"]: match for match in ROW.finditer(text)}


def number(text):
    return int(text.replace(",", ""))


@pytest.mark.parametrize("encoding", ["o200k_base", "cl100k_base"])
@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("name", FILES)
def test_our_figures_are_the_published_ones(
    name, encoding, library, published, shared_data
):
    expected = published[name]
    examples = io.BytesIO()
    with (shared_data / name).open("rb") as file:
        targets = Targets(examples, io.BytesIO(), io.BytesIO())
        found = ingest(file, targets, LIMITS)
    examples.seek(0)

    profile, _ = analyze(
        examples,
        Upload(found.bad_lines),
        Counting(encoding, library),
        lambda done: None,
    )

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
