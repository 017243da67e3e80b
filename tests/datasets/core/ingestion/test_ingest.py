import codecs
import gzip
import hashlib
import io
import json

import pytest

from datasets.core.ingestion.filename import clean_filename
from datasets.core.ingestion.ingest import Limits, Targets, ingest
from datasets.core.readers.rows import BATCH_BYTES
from datasets.core.validation import native
from slmgen.errors import InvalidInput, TooLarge
from tests.datasets.reading import assert_is_of
from tests.factories import jsonl, make_conversation, make_lines

LIMITS = Limits(max_bytes=10**8, max_row_bytes=10**6, min_examples=1)


def ingested(content, limits=LIMITS):
    targets = Targets(io.BytesIO(), io.BytesIO(), io.BytesIO())
    found = ingest(io.BytesIO(content), targets, limits)
    assert_is_of(found, targets.examples.getvalue())
    return found, targets.examples.getvalue()


def test_lines_are_kept_as_they_were_written():
    content = b'{"messages" : [{"role":"user","content":"\\u00e9"}, ' \
        b'{"role":"assistant","content":" x "}], "id": 1.50}\n'  # fmt: skip

    _, kept = ingested(content)

    assert kept == content


@pytest.mark.parametrize("is_native", [True, False])
def test_a_blank_line_does_not_stand_for_a_missing_line_feed(monkeypatch, is_native):
    if not is_native:
        monkeypatch.setattr(native, "_native", lambda: None)
    row = make_lines(1)

    _, kept = ingested(row + b"\n" + row.rstrip())

    assert kept == row * 2


@pytest.mark.parametrize("bad", [b"", b"oops\n", b"\n", b"  " + make_lines(1)])
def test_the_hash_is_of_what_is_kept_wherever_a_line_is_left_out(bad):
    lines = make_lines(30_000)
    assert len(lines) > 3 * BATCH_BYTES

    found, kept = ingested(lines + bad + lines)

    assert kept == lines + bad.lstrip().removeprefix(b"oops\n") + lines
    assert found.examples_sha256 == hashlib.sha256(kept).hexdigest()
    assert (found.examples_sha256 == found.sha256) == (not bad)


def test_size_and_hash_are_of_the_bytes_received():
    content = gzip.compress(make_lines())

    found, kept = ingested(content)

    assert (found.size, found.sha256) == (
        len(content),
        hashlib.sha256(content).hexdigest(),
    )
    assert (found.examples_bytes, found.examples_sha256) == (
        len(kept),
        hashlib.sha256(kept).hexdigest(),
    )


def test_an_array_becomes_lines():
    rows = [make_conversation("a"), make_conversation("b")]

    found, kept = ingested(json.dumps(rows, indent=1).encode())

    assert [json.loads(line) for line in kept.splitlines()] == rows
    assert found.examples == 2


def test_bad_lines_are_named_and_left_out():
    found, kept = ingested(make_lines(30) + b"oops\n" + make_lines(30))

    assert kept == make_lines(30) * 2
    assert found.bad_lines == 1
    assert str(found.problems[0]).startswith("Line 31: not valid JSON")


def test_nine_tenths_of_the_lines_are_enough():
    found, _ = ingested(make_lines(9) + b"{}\n")

    assert (found.examples, found.bad_lines) == (9, 1)


def test_less_than_nine_tenths_are_refused_with_the_first_lines():
    with pytest.raises(InvalidInput) as raised:
        ingested(b"{}\n" + make_lines(8) + b"[]\n")

    assert "8 of 10 lines can be trained on" in raised.value.detail
    assert "Line 1: the key 'messages' is missing" in raised.value.detail
    assert "Line 10: found an empty list; expected an object" in raised.value.detail


def test_a_refusal_lists_its_problems_one_by_one():
    quoting = b'{"messages": "see Line 7: here"}\n'
    with pytest.raises(InvalidInput) as raised:
        ingested(quoting + b"{}\n" + b"[]\n" * 100)

    first, *listed = raised.value.problems
    assert first.endswith("of all.")
    assert [each.partition(":")[0] for each in listed] == [
        f"Line {n}" for n in range(1, 21)
    ]
    assert listed[-1].endswith(" And 82 more.")
    assert " ".join(raised.value.problems) == raised.value.detail


def test_a_refusal_counts_what_it_does_not_name():
    with pytest.raises(InvalidInput, match="And 80 more"):
        ingested(b"{}\n" * 100)


@pytest.mark.parametrize("content", [b"", b"\n\n \n", b"[]", b"\xef\xbb\xbf"])
def test_an_empty_file_is_refused(content):
    with pytest.raises(InvalidInput, match="The file is empty"):
        ingested(content)


def test_too_few_examples_are_refused():
    limits = Limits(max_bytes=10**8, max_row_bytes=10**6, min_examples=100)

    with pytest.raises(InvalidInput, match="at least 100"):
        ingested(make_lines(60), limits)


@pytest.mark.parametrize("prefix", [b"", b"\xef\xbb\xbf", b"\n\n  "])
def test_a_byte_that_is_not_utf_8_is_found_in_the_file(prefix):
    good = prefix + make_lines(3)
    bad = jsonl([make_conversation("caf_")]).replace(b"_", b"\xe9")
    offset = len(good) + bad.index(b"\xe9")

    with pytest.raises(InvalidInput, match=f"not UTF-8 text: .* offset {offset}"):
        ingested(good + bad)


def test_more_text_than_allowed_is_refused():
    limits = Limits(max_bytes=1000, max_row_bytes=1000, min_examples=1)

    with pytest.raises(TooLarge):
        ingested(make_lines(60), limits)


NAMES = {
    "chat.jsonl": "chat.jsonl",
    "../../etc/passwd": "passwd",
    "C:\\Users\\me\\データ.jsonl": "データ.jsonl",
    "a\r\nb\0.jsonl": "ab.jsonl",
    "\u202egnp.jsonl": "gnp.jsonl",
    "": "dataset.jsonl",
    "..": "dataset.jsonl",
    "/": "dataset.jsonl",
    "x" * 300: "x" * 255,
}


@pytest.mark.parametrize("name", NAMES)
def test_a_file_name_is_cleaned(name):
    assert clean_filename(name) == NAMES[name]


def test_progress_is_told_in_bytes_of_the_upload():
    content, told = make_lines(40_000), []
    targets = Targets(io.BytesIO(), io.BytesIO(), io.BytesIO())

    ingest(io.BytesIO(content), targets, LIMITS, report=told.append)

    assert len(told) >= len(content) // BATCH_BYTES > 1
    assert told == sorted(told)
    assert told[0] < told[-1] == len(content)


CODED = {
    "plain": bytes,
    "BOM": lambda content: codecs.BOM_UTF8 + content,
    "UTF-16": lambda content: content.decode().encode("utf-16"),
    "gzip": gzip.compress,
}


@pytest.mark.parametrize("end", [b"", b"\n"])
@pytest.mark.parametrize("coding", CODED)
def test_the_examples_of_good_rows_and_their_hash(coding, end):
    content = make_lines(3000).rstrip() + end

    found, kept = ingested(CODED[coding](content))

    assert (found.examples, found.bad_lines) == (3000, 0)
    assert kept == content.rstrip() + b"\n"


@pytest.mark.parametrize("coding", CODED)
def test_processes_change_nothing(coding, tmp_path):
    content = make_lines(3000) + b"oops\n" + jsonl([make_conversation("q", " ")] * 9)
    path = tmp_path / "upload"
    path.write_bytes(CODED[coding](content * 3))

    alone, two, three = (
        ingested_from(path, Limits(10**8, 10**6, 1, processes))
        for processes in (1, 2, 3)
    )

    assert two == alone
    assert three == alone
    assert alone[0].bad_lines == 30


def ingested_from(path, limits):
    targets = Targets(*(io.BytesIO() for _ in range(3)))
    with path.open("rb") as source:
        found = ingest(source, targets, limits)
    assert_is_of(found, targets.examples.getvalue())
    return found, *(target.getvalue() for target in vars(targets).values())
