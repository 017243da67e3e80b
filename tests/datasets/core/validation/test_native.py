"""Native code changes no result: the same is found with it and without."""

import json
import random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from benchmarks.plants import FORMS, PLANTS
from datasets.core.analysis.chunk import chunk_statistics
from datasets.core.layouts.columns import CHAT
from datasets.core.readers.rows import LineBlock
from datasets.core.tokenization.counter import token_counter
from datasets.core.validation import native as module
from datasets.core.validation.batch import check
from datasets.core.validation.native import (
    CLEAN,
    DOUBTFUL,
    OTHER,
    Memory,
    judge,
    recall,
)
from datasets.core.validation.text_rules import RULES
from slmgen.errors import InvalidInput
from tests.corpus.files import CHAT_FILES, hard
from tests.datasets.core.validation.generated_rows import (
    CLEAN_ROWS,
    ROWS,
    TURNS,
    spellings,
)
from tests.datasets.core.validation.test_native_library import is_expected
from tests.factories import make_conversation
from tests.sources import REAL_CHAT_FILES, own, real

pytestmark = pytest.mark.skipif(
    not is_expected(),
    reason="there is no Rust compiler, so no native code whose results could differ",
)
COUNT = token_counter("o200k_base")
HARD_FILES, HARD_ROWS, HARD_BATCH = 2, 1_500, 50
LINE_FEEDS = [b"\n", b"\r\n", b"\n\n"]
CALL = {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}


def checked(text):
    try:
        return check(LineBlock(7, 100, text), unit="Line", columns=CHAT.columns)
    except InvalidInput as refusal:
        return str(refusal)


def measured(text):
    return chunk_statistics(LineBlock(1, 0, text), count=COUNT, memory=Memory(), seed=5)


def both(work, text):
    """What comes of it with native code and without."""
    with pytest.MonkeyPatch.context() as patch:
        with_it = work(text)
        patch.setattr(module, "_native", lambda: None)
        return with_it, work(text)


def assert_no_difference(text):
    with_it, without = both(checked, text)
    assert with_it == without
    if isinstance(without, str):
        return
    canonical = text if without.is_all else without.lines
    if canonical:
        with_it, without = both(measured, canonical)
        assert with_it == without


def kinds(*rows):
    text = b"".join(row + b"\n" for row in rows)
    return judge(text)["kind"].tolist()[:-1]


def test_everyday_rows_are_clean_at_once(rows):
    texts = [text for row in rows for text in spellings(row)]
    called = make_conversation("q", "a")
    called["messages"][1:1] = [
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "a", "content": "b"},
    ]
    found = kinds(*texts)

    assert found.count(OTHER) == 0
    assert found.count(CLEAN) > 0.9 * len(texts)
    assert kinds(json.dumps({**called, "tools": [{}]}).encode()) == [CLEAN]


@settings(max_examples=400, deadline=None)
@given(st.lists(ROWS | TURNS, min_size=1, max_size=4))
@example([{**make_conversation("q", "a"), "tools": []}, make_conversation("q", "a")])
def test_generated_rows(rows):
    for spelled in zip(*map(list_of_spellings, rows), strict=False):
        assert_no_difference(b"\n".join(spelled) + b"\n")


def list_of_spellings(row):
    return list(spellings(row))


@settings(max_examples=600, deadline=None)
@given(
    ROWS | TURNS,
    st.lists(
        st.tuples(
            st.integers(0, 10**6),
            st.integers(0, 3),
            st.sampled_from(
                [b'"', b"\\", b"{", b"}", b"[", b"]", b",", b":", b" ", b"\t", b"\r",
                 b"\n", b"0", b"1.5", b"-", b"1e5", b"null", b"true", b"\\u0000",
                 b"\\ud83d", b"\\ude00", b"\\u00e9", b"\\/", b"\xff", b"\xc3", b"\x00",
                 b"\x1f", b"\x7f", b'"role":"user",', b'"content":"x",', b'"weight":0,',
                 b'"tools":[1],', b'"name":"n",', b"\xef\xbb\xbf", b"\xed\xa0\x80", b""]
            ),
        ),
        min_size=1,
        max_size=4,
    ),
)  # fmt: skip
def test_spoiled_rows(row, changes):
    for text in spellings(row):
        for place, size, new in changes:
            at = place % (len(text) + 1)
            text = text[:at] + new + text[at + size :]
        assert_no_difference(text + b"\n" + json.dumps(row).encode())


@pytest.mark.parametrize("kind", sorted(PLANTS | FORMS))
def test_planted_faults(rows, kind):
    source = random.Random(kind)
    planted = [(PLANTS | FORMS)[kind](row, source) for row in rows[:60]]
    texts = [text for row in planted if row is not None for text in spellings(row)]

    assert CLEAN not in kinds(*texts)
    assert_no_difference(b"\n".join(texts) + b"\n")


def test_each_character_alone_and_at_the_ends_of_an_answer():
    letters = [chr(code) for code in range(1, 0x3100) if code not in {10, 13}]
    long = "One. Two. " + "a" * 100
    texts = [
        json.dumps(make_conversation("q", text), ensure_ascii=is_ascii).encode()
        for letter in letters
        for text in (letter, f"{letter}n/a{letter}", long + " b" * 6 + letter)
        for is_ascii in (True, False)
    ]

    assert_no_difference(b"\n".join(texts) + b"\n")


@pytest.mark.parametrize(
    "value",
    ["0", "-0", "01", "1.", ".5", "-", "1.25", "1e5", "123456789012345678",
     "1234567890123456789", "123456789012345678901", "NaN", "Infinity", "nul", "truex",
     '"a\\nb"', '"a\\u0000"', "[1,]", "[,1]", "{}", '{"a":1,}', '{"a" 1}', "{1:2}",
     "[" * 39 + "]" * 39, "[" * 70 + "]" * 70, '{"a":' * 45 + "1" + "}" * 45, ""],
)  # fmt: skip
def test_values_beside_the_messages(value):
    row = json.dumps(make_conversation("q", "a"))[:-1]
    for key in ("id", "tools", "n\\u0061me"):
        assert_no_difference(f'{row},"{key}":{value}}}\n'.encode())
        assert_no_difference(f'{{"{key}":{value},{row[1:]}}}\n'.encode())


@pytest.mark.parametrize(
    "message",
    [
        {"tool_calls": []}, {"tool_calls": None}, {"tool_calls": [CALL, CALL]},
        {"tool_calls": [{**CALL, "id": None}]}, {"tool_calls": [{"id": "a"}]},
        {"tool_calls": [{**CALL, "function": {"name": "f", "arguments": "[]"}}]},
        {"tool_calls": [{**CALL, "function": {"name": "f", "arguments": "{1}"}}]},
        {"tool_calls": [{**CALL, "function": {"name": "f", "arguments": {"b": 1}}}]},
        {"tool_calls": [{**CALL, "function": {"name": 5}}]},
        {"tool_calls": [{**CALL, "function": {"name": "f"}}]},
        {"function_call": {"name": "f", "arguments": "{}"}}, {"name": 5},
        {"tool_calls": [CALL], "weight": 0}, {"content": ""},
        {"content": [{"text": "a"}]},
    ],
)  # fmt: skip
@pytest.mark.parametrize("key", ["a", "b", None, 5])
def test_calls_and_results(message, key):
    row = make_conversation("q", "a")
    row["messages"][1:1] = [
        {"role": "assistant", "content": None, **message},
        {"role": "tool", "tool_call_id": key, "content": "b"},
    ]
    without_key = json.loads(json.dumps(row))
    del without_key["messages"][2]["tool_call_id"]
    twice = {**row, "messages": row["messages"] + row["messages"]}

    texts = [text for each in (row, without_key, twice) for text in spellings(each)]
    assert_no_difference(b"\n".join(texts) + b"\n")


@pytest.mark.parametrize(
    "said",
    [b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xc3\xa9", rb"\ud83d\ude00", rb"\ud83d",
     rb"\ude00", rb"\ud83d\u0041", rb"\ud83dabc", rb"\ud83d\ud83d\ude00", rb"\u00E9",
     rb"\u00g9", rb"\u12", rb"\x41", rb"\/", b"\x00", b"\x1f", b"\x7f", rb"\u0000",
     rb"\u0001"],
)  # fmt: skip
def test_what_a_string_may_hold(said):
    row = json.dumps({**make_conversation("q@", "a@"), "id": "i@"}).encode()
    assert row.count(b"@") == 3
    for place in (b"q@", b"a@", b"i@", b"id"):
        assert_no_difference(row.replace(place, b"b" + said) + b"\n" + row)


@pytest.mark.parametrize("ending", [b"", b"\n", b"\n\n", b"\r\n", b" \n\t\n", b"\n{"])
def test_ends_of_a_batch(ending):
    row = json.dumps(make_conversation("q", "a")).encode()
    for text in (row + ending, row + b"\r\n  " + row + ending, ending):
        assert_no_difference(text)


WHOLE_FILES = [
    *map(own, CHAT_FILES),
    own("shell.prompt_completion.jsonl"),
    *map(real, REAL_CHAT_FILES),
    real("nl2bash_3000.prompt_completion.jsonl"),
]


@pytest.mark.parametrize("line_feed", [b"\n", b"\r\n"])
@pytest.mark.parametrize("source", WHOLE_FILES)
def test_whole_files(source, line_feed):
    assert_no_difference(source.path.read_bytes().replace(b"\n", line_feed))


@pytest.mark.parametrize("seed", range(HARD_FILES))
def test_hard_files(seed):
    """Batches, as the product cuts them: one that is refused ends at its fault."""
    lines = list(hard(HARD_ROWS, seed))
    for start in range(0, len(lines), HARD_BATCH):
        batch = lines[start : start + HARD_BATCH]
        assert_no_difference(random.Random(seed).choice(LINE_FEEDS).join([*batch, b""]))
        for line in batch:
            assert_no_difference(line + b"\n")


def test_rarer_triggers_are_in_every_match():
    """Whoever changes a pattern changes them."""
    spoken = [
        "as an AI", "As a AI language", "as a large language model",
        "as an language model", "as an artificial intelligence", "I'm just an AI",
        "I am only a language model", "I’m only a large language model", "作为一个AI",
        "作为人工智能", "作为一名人工智能", "作为一款AI",
    ]  # fmt: skip
    for rule in RULES:
        if rule.rarer_triggers:
            matches = [text for text in spoken if rule.pattern.search(text)]
            assert len(matches) >= 4
            for text in matches:
                assert any(sign in text for sign in rule.rarer_triggers)
                row = json.dumps(make_conversation("q", text)).encode()
                assert kinds(row) == [DOUBTFUL]


def test_code_for_another_machine_is_left_alone(tmp_path, monkeypatch, caplog):
    broken = tmp_path / "library.so"
    broken.write_bytes(b"no library")
    monkeypatch.setattr(module, "built_library", lambda: broken)

    assert module._native.__wrapped__() is None
    assert "Native code is not used" in caplog.text


@pytest.mark.parametrize("place", range(len(module.LAYOUTS)))
def test_structures_of_other_sizes_are_left_alone(place, monkeypatch, caplog):
    sizes = list(module.LAYOUTS)
    sizes[place] += 8
    monkeypatch.setattr(module, "LAYOUTS", tuple(sizes))

    assert module._native.__wrapped__() is None
    assert "structures of other sizes" in caplog.text


def test_a_panic_is_logged_once_and_quotes_nothing(monkeypatch, caplog, capfd):
    broken = module._rules.__wrapped__()
    broken.stops = module._text(b"\xff")  # no text
    monkeypatch.setattr(module, "_rules", lambda: broken)
    module._tell_of_panic.cache_clear()
    row = json.dumps(make_conversation("a secret", "b")).encode() + b"\n"

    with_it, without = both(checked, row)
    assert judge(row) is None

    assert with_it == without
    (record,) = caplog.records
    assert (record.name, record.levelname) == ("slmgen.native", "ERROR")
    said = record.getMessage() + capfd.readouterr().err
    assert "gave up" in said
    assert "judge.rs" in said
    assert "secret" not in said
    assert recall(row, Memory()) is not None  # the next batch may go well


@pytest.fixture(scope="session", params=CLEAN_ROWS)
def rows(request):
    return [json.loads(line) for line in request.param.path.read_bytes().splitlines()]
