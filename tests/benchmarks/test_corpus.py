"""The files that a measurement reads are what they are said to be."""

import json

import pytest

from benchmarks.corpus import write_repeated, write_unrepeated
from tests.corpus.files import path_of

FILES = ("intents.chat.jsonl", "quiz_ja.chat.jsonl", "tool_calls.chat.jsonl")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("small")
    for name in FILES:
        (folder / name).write_bytes(path_of(name).read_bytes())
    return folder


def texts_of(path):
    return [
        message["content"]
        for line in path.read_bytes().splitlines()
        for message in json.loads(line)["messages"]
        if message["content"]
    ]


def test_each_text_of_an_unrepeated_file_occurs_once(folder, tmp_path):
    write_unrepeated(folder, tmp_path / "out", 2_000)

    texts = texts_of(tmp_path / "out")

    assert len(texts) > 4_000
    assert len(set(texts)) == len(texts)


def test_a_repeated_file_has_copies(folder, tmp_path):
    write_repeated(folder, tmp_path / "out", 2_000)

    lines = (tmp_path / "out").read_bytes().splitlines()

    assert 0.85 * len(lines) < len(set(lines)) < 0.97 * len(lines)


@pytest.mark.parametrize("write", [write_unrepeated, write_repeated])
def test_the_same_arguments_make_the_same_file(folder, tmp_path, write):
    for name in ("one", "two"):
        write(folder, tmp_path / name, 200)

    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
