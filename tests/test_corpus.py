"""The corpus that the tests stand on is the same everywhere and has what they need."""

import hashlib
import json
import subprocess
import sys
from statistics import median

import pytest

from benchmarks.plants import FORMS, PLANTS
from datasets.core.faults.catalog import KINDS
from tests.conftest import REPO
from tests.corpus.families import tools
from tests.corpus.files import CHAT_FILES, FILES, hard, path_of, write_all
from tests.corpus.grammar import WORDS, Grammar
from tests.corpus.spoiled import CHARACTERS
from tests.datasets.reading import problems_of, read

MOST_BYTES = 10**6  # that the repository holds of the corpus and other test data


def hashes(folder):
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.iterdir()
    }


def test_another_process_makes_the_same_files(tmp_path):
    """The order of sets and dictionaries there is another."""
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()

    write_all(here)
    subprocess.run(
        [sys.executable, "-m", "tests.corpus.files", there],
        cwd=REPO, env={"PYTHONHASHSEED": "7"}, check=True,
    )  # fmt: skip

    assert hashes(there) == hashes(here)
    assert hashes(there).keys() == FILES.keys()


def test_other_seeds_make_other_rows():
    assert list(hard(50, seed=1)) == list(hard(50, seed=1))
    assert list(hard(50, seed=1)) != list(hard(50, seed=2))


def test_little_of_it_is_in_the_repository():
    folders = (WORDS.parent, REPO / "tests/data", REPO / "datasets/sample_data")
    sizes = [
        path.stat().st_size
        for folder in folders
        for path in folder.rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    ]

    assert sum(sizes) < MOST_BYTES


@pytest.mark.parametrize("name", sorted(path.stem for path in WORDS.glob("*.toml")))
def test_every_alternative_of_a_grammar_is_written_once(name):
    for symbol, alternatives in Grammar(name, seed=1).symbols.items():
        assert len(set(alternatives)) == len(alternatives), symbol


def test_every_language_and_layout_is_there():
    marks = {"en": "the", "zh": "的", "ja": "ですか", "ko": "어요", "ar": "من"}
    texts = {name: path_of(name).read_text("utf-8") for name in CHAT_FILES}

    assert all(any(mark in text for text in texts.values()) for mark in marks.values())
    assert {name.partition(".")[2] for name in FILES} == {
        "chat.jsonl", "jsonl", "csv", "parquet", "sharegpt.json", "alpaca.json",
        "alpaca_response.json", "prompt_completion.jsonl",
    }  # fmt: skip


def test_chats_have_long_tails_and_the_duplicates_that_were_planned():
    tails = {}
    for name in CHAT_FILES:
        lines = path_of(name).read_bytes().splitlines()
        tails[name] = max(map(len, lines)) / median(map(len, lines))
        planned = {"tool_calls.chat.jsonl": tools.DUPLICATES}
        assert len(lines) - len(set(lines)) == planned.get(name, 0), name

    assert tails["film_talk_zh.chat.jsonl"] > 3
    assert tails["office_tasks.chat.jsonl"] > 3


def test_hard_rows_have_every_fault_character_and_duplicates():
    content = path_of("hard.jsonl").read_bytes()
    rows = [json.loads(line) for line in content.splitlines() if line.strip()]
    texts = {json.dumps(row, ensure_ascii=False) for row in rows}
    said = "\n".join(texts)

    kinds = {problem["kind"] for problem in problems_of(content)}

    assert kinds == set(PLANTS | FORMS)
    assert kinds <= set(KINDS)
    assert len(rows) - len(texts) > 100
    for name, characters in CHARACTERS.items():
        assert json.dumps(characters, ensure_ascii=False)[1:-1] in said, name


def test_a_file_with_every_kind_of_fault_is_taken():
    found, _ = read(path_of("faulty.jsonl").read_bytes())

    assert {group.kind for group in found.groups} == set(PLANTS)
    assert 0 < found.bad_lines < 0.1 * found.examples


def test_tool_calls_have_their_results_by_id():
    for line in path_of("tool_calls.chat.jsonl").read_bytes().splitlines():
        messages = json.loads(line)["messages"]
        asked = [call["id"] for m in messages for call in m.get("tool_calls", ())]
        answered = [m["tool_call_id"] for m in messages if m["role"] == "tool"]
        assert asked == answered
        assert len(set(asked)) == len(asked) > 0
